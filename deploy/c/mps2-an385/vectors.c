/* Vector table: the stack, then the C library's start-up; a fault stops, for a debugger to see. */
#include <stdint.h>

extern uint32_t stack_top;
void _start(void);

static void fault(void) {
  for (;;) {
  }
}

typedef union {
  const uint32_t* stack;
  void (*handler)(void);
} vector_t;

__attribute__((section(".vectors"), used)) static const vector_t vectors[] = {
    {.stack = &stack_top}, {.handler = _start}, {.handler = fault}, {.handler = fault},
    {.handler = fault},    {.handler = fault},  {.handler = fault},
};
