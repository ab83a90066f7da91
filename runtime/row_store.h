// Rows of floats that a job keeps for all of its tokens: in memory, and what a budget does not allow there, in a file.
#ifndef NIBBLE_RUNTIME_ROW_STORE_H_
#define NIBBLE_RUNTIME_ROW_STORE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/io/work_file.h"

namespace nibble {

// What several stores may keep in memory together. Outlives them; used by one thread at a time.
class RowBudget {
 public:
  // `file`, where the rest goes, outlives it.
  RowBudget(uint64_t bytes, io::WorkFile& file) : floats_(bytes / sizeof(float)), file_(&file) {}

 private:
  friend class RowStore;

  int64_t floats_;  // left
  io::WorkFile* file_;
};

// Movable. Used by one thread at a time.
class RowStore {
 public:
  RowStore() = default;
  // Takes of the budget what is left for the first rows, and gives it back in the end; null: all rows are in memory.
  // Their values are undefined. Errors are WorkFile::Reserve's.
  static absl::StatusOr<RowStore> Create(int64_t rows, int64_t width, RowBudget* budget);
  ~RowStore();
  RowStore(RowStore&& other) noexcept { *this = std::move(other); }
  RowStore& operator=(RowStore&& other) noexcept;

  int64_t rows() const { return rows_; }
  int64_t width() const { return width_; }
  RowBudget* budget() const { return budget_; }

  // Whole rows, from `first` on. REQUIRES: they are there.
  absl::Status Read(int64_t first, absl::Span<float> out) const;
  absl::Status Write(int64_t first, absl::Span<const float> values);

 private:
  int64_t BytesInFile() const { return (rows_ * width_ - resident_.size()) * sizeof(float); }
  // Of the float at this place.
  uint64_t OffsetInFile(int64_t place) const { return offset_ + (place - resident_.size()) * sizeof(float); }

  int64_t rows_ = 0, width_ = 0;
  RowBudget* budget_ = nullptr;
  std::vector<float> resident_;  // the first rows
  uint64_t offset_ = 0;          // of the others in the file
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_ROW_STORE_H_
