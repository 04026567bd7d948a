# What the toolchain files of all Cortex-M have in common.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "${UD_CPU_FLAGS} -mthumb -ffunction-sections -fdata-sections")
# Two passes of -Os that make longer code here: merged functions call each other, and what is lifted out of a loop needs a
# register that is saved. scripts/size measures with the same.
set(CMAKE_C_FLAGS_RELEASE "-Os -g -fno-ipa-icf -fno-move-loop-invariants")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostartfiles --specs=nano.specs -Wl,--gc-sections -Wl,--no-warn-rwx-segments")
