# durward_fuzz(name LIBRARIES target... [MIXTURES n])
#
# tests/fuzz/NAME.cc is a fuzz target with its corpus in tests/fuzz/corpus/NAME. Everywhere its corpus is replayed as a test; with
# DURWARD_FUZZERS (clang) the same file becomes durward_fuzz_NAME, which libFuzzer drives.
function(durward_fuzz name)
  cmake_parse_arguments(F "" "MIXTURES" "LIBRARIES" ${ARGN})
  if(NOT F_MIXTURES)
    set(F_MIXTURES 20000)
  endif()
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  add_executable(durward_${name}_corpus_test ${name}.cc replay.cc)
  target_link_libraries(durward_${name}_corpus_test
    PRIVATE durward_warnings GTest::gtest_main durward_sys ${F_LIBRARIES})
  target_compile_definitions(durward_${name}_corpus_test
    PRIVATE DURWARD_FUZZ_CORPUS="${corpus}" DURWARD_FUZZ_MIXTURES=${F_MIXTURES})
  add_test(NAME corpus_${name} COMMAND durward_${name}_corpus_test)
  set_tests_properties(corpus_${name} PROPERTIES TIMEOUT 300)
  if(DURWARD_FUZZERS)
    add_executable(durward_fuzz_${name} ${name}.cc)
    target_link_libraries(durward_fuzz_${name} PRIVATE durward_warnings ${F_LIBRARIES})
    target_link_options(durward_fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()
