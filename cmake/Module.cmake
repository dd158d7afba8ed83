# durward_module(name [DEPENDS module...] [LIBRARIES target...] SOURCES file... [TESTS file...])
#
# One folder = one module = one static library durward_<name>. A module may depend only on modules
# declared before it, so src/CMakeLists.txt, read from the top, is the architecture.
set(DURWARD_MODULES "" CACHE INTERNAL "modules declared so far")

function(durward_module name)
  cmake_parse_arguments(M "" "" "DEPENDS;LIBRARIES;SOURCES;TESTS" ${ARGN})
  if(M_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "durward_module(${name}): unknown words: ${M_UNPARSED_ARGUMENTS}")
  endif()
  foreach(dep IN LISTS M_DEPENDS)
    if(NOT dep IN_LIST DURWARD_MODULES)
      message(FATAL_ERROR
        "durward_module(${name}): depends on '${dep}', which is not declared before it. "
        "Data flows down src/CMakeLists.txt and includes point up: move the code, not the line.")
    endif()
  endforeach()

  add_library(durward_${name} STATIC ${M_SOURCES})
  # For quotes only: in angle brackets <sys/file.h> is the system's, not ours.
  target_compile_options(durward_${name} PUBLIC "SHELL:-iquote ${CMAKE_SOURCE_DIR}/src")
  list(TRANSFORM M_DEPENDS PREPEND durward_ OUTPUT_VARIABLE dep_targets)
  target_link_libraries(durward_${name} PUBLIC ${dep_targets} ${M_LIBRARIES} PRIVATE durward_warnings)

  if(DURWARD_TESTS AND M_TESTS)
    add_executable(durward_${name}_test ${M_TESTS})
    target_link_libraries(durward_${name}_test PRIVATE durward_${name} durward_warnings GTest::gtest_main)
    target_compile_definitions(durward_${name}_test PRIVATE DURWARD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME unit_${name} COMMAND durward_${name}_test)
    set_tests_properties(unit_${name} PROPERTIES TIMEOUT 300)
  endif()
  set(DURWARD_MODULES ${DURWARD_MODULES} ${name} CACHE INTERNAL "modules declared so far")
endfunction()
