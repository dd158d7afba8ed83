# Every target of ours builds with these; libraries are system includes and do not.
add_library(durward_warnings INTERFACE)
target_compile_options(durward_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
