// What the machine can do: {"copy": GB/s of memory copied, "read": GB/s of the disk, uncached, "write": GB/s written
// and synced, "gflops": float32 matrix products}.
//
// usage: bounds FOLDER THREADS
#include <dnnl.h>
#include <fcntl.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

template <typename Work>
double Seconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The least of so many times: what else runs only adds.
template <typename Work>
double Best(int times, Work work) {
  double best = 1e30;
  for (int i = 0; i < times; ++i) best = std::min(best, Seconds(work));
  return best;
}

double CopyBandwidth(int threads) {
  constexpr size_t kBytes = 128 << 20;  // a thread's; larger than the caches
  std::vector<std::vector<char>> from(threads, std::vector<char>(kBytes, 1)), to(threads, std::vector<char>(kBytes));
  const double seconds = Best(5, [&] {
#pragma omp parallel num_threads(threads)
    std::memcpy(to[omp_get_thread_num()].data(), from[omp_get_thread_num()].data(), kBytes);
  });
  return threads * static_cast<double>(kBytes) / seconds / 1e9;
}

double Gflops(int threads) {
  constexpr int64_t kSize = 1024;
  std::vector<std::vector<float>> matrices(3 * threads, std::vector<float>(kSize * kSize, 1));
  const double seconds = Best(5, [&] {
#pragma omp parallel num_threads(threads)
    {
      std::vector<float>* mine = &matrices[3 * omp_get_thread_num()];
      omp_set_num_threads(1);
      dnnl_sgemm('N', 'N', kSize, kSize, kSize, 1, mine[0].data(), kSize, mine[1].data(), kSize, 0, mine[2].data(),
                 kSize);
    }
  });
  return threads * 2.0 * kSize * kSize * kSize / seconds / 1e9;
}

// GB/s of reading and of writing a file of 512 MiB.
struct Disk {
  double read, write;
};

Disk DiskBandwidth(const std::string& path) {
  constexpr size_t kChunk = 8 << 20, kChunks = 64;
  const std::vector<char> data(kChunk, 'x');
  std::vector<char> read(kChunk);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0666);
  if (fd < 0) return {};
  bool ok = true;
  Disk disk;
  disk.write = kChunk * kChunks / 1e9 / Seconds([&] {
                 for (size_t i = 0; i < kChunks; ++i)
                   ok &= ::write(fd, data.data(), kChunk) == static_cast<ssize_t>(kChunk);
                 ok &= ::fsync(fd) == 0;
               });
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  disk.read = kChunk * kChunks / 1e9 / Seconds([&] {
                for (size_t i = 0; i < kChunks; ++i) {
                  ok &=
                      ::pread(fd, read.data(), kChunk, static_cast<off_t>(i * kChunk)) == static_cast<ssize_t>(kChunk);
                }
              });
  ::close(fd);
  ::unlink(path.c_str());
  return ok ? disk : Disk{};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const int threads = std::max(1, std::atoi(argv[2]));
  const Disk disk = DiskBandwidth(std::string(argv[1]) + "/bounds.part");
  std::printf("{\"copy\": %.3f, \"read\": %.4f, \"write\": %.4f, \"gflops\": %.2f}\n", CopyBandwidth(threads),
              disk.read, disk.write, Gflops(threads));
  return disk.write > 0 ? 0 : 74;
}
