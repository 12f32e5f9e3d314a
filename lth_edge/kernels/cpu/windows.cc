// What a Windows library needs where there is no C runtime.
#if defined(_WIN32)

// Called when the library is loaded and unloaded: there is nothing to do.
extern "C" int DllMainCRTStartup(void*, unsigned long, void*) { return 1; }

// Called by compilers before a function takes rax bytes of stack: Windows grows a stack page by page, and each must be
// touched in order. Keeps all registers.
__asm__(
    ".globl ___chkstk_ms\n"
    "___chkstk_ms:\n"
    "  push %rcx\n"
    "  push %rdx\n"
    "  lea 24(%rsp), %rcx\n"  // the stack of the caller
    "  mov %rcx, %rdx\n"
    "  sub %rax, %rdx\n"
    "1:\n"
    "  sub $4096, %rcx\n"
    "  cmp %rdx, %rcx\n"
    "  jb 2f\n"
    "  orb $0, (%rcx)\n"
    "  jmp 1b\n"
    "2:\n"
    "  pop %rdx\n"
    "  pop %rcx\n"
    "  ret\n");

#endif
