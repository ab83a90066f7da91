#include "tests/shapes/measure.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

namespace nibble::tests {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

double Seconds(const timeval& time) { return time.tv_sec + time.tv_usec * 1e-6; }

// Only calls that are allowed between fork and exec.
[[noreturn]] void Exec(char* const* arguments, const char* out, const char* err) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  dup2(open(out, kFlags, 0600), STDOUT_FILENO);
  dup2(open(err, kFlags, 0600), STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

Measured RunMeasured(const std::vector<std::string>& arguments, const std::string& folder) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const std::string out = folder + "/stdout", err = folder + "/stderr";
  const pid_t child = fork();
  if (child == 0) Exec(pointers.data(), out.c_str(), err.c_str());
  int status = 0;
  rusage usage = {};
  Measured measured;
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return measured;
  if (WIFEXITED(status)) measured.exit_code = WEXITSTATUS(status);
  measured.seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  measured.peak_memory = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  measured.out = ReadAll(out);
  measured.err = ReadAll(err);
  return measured;
}

}  // namespace nibble::tests
