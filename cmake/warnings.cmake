# The warnings of every C file of ours, on hosts and on microcontrollers.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align -Wstrict-prototypes
  -Wmissing-prototypes -Wundef -Wvla -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wdouble-promotion
  -Wnull-dereference -fno-common)
if(UD_WERROR)
  add_compile_options(-Werror)
endif()
