# Every target of ours builds with these; libraries are system includes and do not.
add_library(durward_warnings INTERFACE)
target_compile_options(durward_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
# When it optimises, g++ 12 sees overlaps in std::string that are not there (GCC bug 105651) and unset values in the
# date library's parser. Clang and the sanitizers watch for both.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(durward_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
