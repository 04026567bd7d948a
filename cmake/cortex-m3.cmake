# Toolchain file: Cortex-M3 without an operating system, by Debian's cross-compiler.
set(CMAKE_SYSTEM_PROCESSOR cortex-m3)
set(UD_CPU_FLAGS "-mcpu=cortex-m3")
include(${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake)
