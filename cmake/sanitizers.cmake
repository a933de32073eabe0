set(LEAT_SANITIZE "" CACHE STRING "Sanitizers to build everything with: address,undefined or thread")

if(LEAT_SANITIZE)
    add_compile_options(-fsanitize=${LEAT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${LEAT_SANITIZE})
endif()
