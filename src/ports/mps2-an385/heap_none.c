#include "ports/mps2-an385/device.h"

void ud_mps2_heap_init(void)
{
}
