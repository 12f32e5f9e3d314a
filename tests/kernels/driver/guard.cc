#include "guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace lth_test {

namespace {

constexpr size_t host_alignment = 16;           // what lth::Host promises, and no more
constexpr size_t most_bytes = size_t{1} << 28;  // a chain of these tests that asks for more is refused it

size_t page_bytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

size_t rounded_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "driver: %s\n", why);
  std::abort();
}

// Which Buffer an address that the kernels hand back belongs to.
class Allocations {
 public:
  void* add(std::unique_ptr<Buffer> buffer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    void* start = buffer->start();
    buffers_[start] = std::move(buffer);
    return start;
  }

  void remove(void* start) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (buffers_.erase(start) != 1) give_up("memory was released that was never allocated");
  }

 private:
  std::mutex mutex_;
  std::unordered_map<void*, std::unique_ptr<Buffer>> buffers_;
};

Allocations& handed_out() {
  static Allocations all;
  return all;
}

}  // namespace

Buffer::Buffer(size_t bytes, size_t alignment, Guard guard) {
  const size_t wanted = rounded_up(bytes, alignment);
  if (guard == Guard::none) {
    start_ = std::malloc(wanted == 0 ? 1 : wanted);
    if (!start_) give_up("out of memory");
  } else {
    const size_t page = page_bytes(), inner = rounded_up(wanted, page);
    mapped_ = inner + page;
    mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping_ == MAP_FAILED) give_up("mmap failed");
    char* first = static_cast<char*>(mapping_);
    const bool at_end = guard == Guard::end;
    if (mprotect(at_end ? first + inner : first, page, PROT_NONE) != 0) give_up("mprotect failed");
    start_ = at_end ? first + inner - wanted : first + page;
  }
  std::memset(start_, 0xff, wanted);  // as floats NaNs: what is read before it is written shows
}

Buffer::~Buffer() {
  if (mapping_ == nullptr) {
    std::free(start_);
  } else {
    munmap(mapping_, mapped_);
  }
}

TestHost::TestHost(Guard guard, Schedule schedule) : guard_(guard), schedule_(schedule) {
  allocate = allocate_memory;
  release = release_memory;
  parallel_for = run_all;
}

void* TestHost::allocate_memory(lth::Host* self, size_t bytes) {
  TestHost& host = *static_cast<TestHost*>(self);
  ++host.allocations_;
  if (bytes > most_bytes || host.left_ == 0) return nullptr;
  if (host.left_ > 0) --host.left_;
  ++host.alive_;
  return handed_out().add(std::make_unique<Buffer>(bytes, host_alignment, host.guard_));
}

void TestHost::release_memory(lth::Host* self, void* memory) {
  --static_cast<TestHost*>(self)->alive_;
  handed_out().remove(memory);
}

void TestHost::run_all(lth::Host* self, size_t count, void (*body)(void*, size_t), void* argument) {
  const Schedule schedule = static_cast<TestHost*>(self)->schedule_;
  if (schedule.threads == 1) {
    for (size_t i = 0; i < count; ++i) body(argument, schedule.backward ? count - 1 - i : i);
    return;
  }
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < schedule.threads; ++t) {
    threads.emplace_back([&] {
      for (size_t i; (i = next++) < count;) body(argument, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace lth_test
