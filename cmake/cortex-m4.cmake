# Toolchain file: Cortex-M4 without an operating system, by Debian's cross-compiler.
set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(UD_CPU_FLAGS "-mcpu=cortex-m4 -mfloat-abi=soft")
include(${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake)
