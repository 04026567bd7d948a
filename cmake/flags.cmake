# Warnings, hardening, sanitizers. One place, both compilers.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align -Wstrict-prototypes
  -Wmissing-prototypes -Wundef -Wvla -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wdouble-promotion
  -Wnull-dereference -fno-common)
add_compile_definitions(_POSIX_C_SOURCE=200809L _DEFAULT_SOURCE _FILE_OFFSET_BITS=64)
if(UD_WERROR)
  add_compile_options(-Werror)
endif()
if(UD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(UD_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
if(UD_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1)
  add_link_options(-fsanitize=address,undefined)
else()
  # release hardening: position independent, read-only relocations, stack protector, checked libc calls
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -g $<$<CONFIG:Release>:-O2>)
  add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
