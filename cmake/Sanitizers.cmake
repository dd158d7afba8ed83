if(DURWARD_SANITIZE)
  add_compile_options(-fsanitize=${DURWARD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DURWARD_SANITIZE})
endif()
