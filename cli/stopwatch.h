#ifndef NIBBLE_CLI_STOPWATCH_H_
#define NIBBLE_CLI_STOPWATCH_H_

#include <chrono>

namespace nibble::cli {

// Seconds since it was made, of a clock that only goes forward.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_STOPWATCH_H_
