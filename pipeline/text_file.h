// A file of text, as calibration takes them: plain, or JSON lines of texts and conversations.
#ifndef NIBBLE_PIPELINE_TEXT_FILE_H_
#define NIBBLE_PIPELINE_TEXT_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace nibble {

struct TextFile {
  std::string path;
  std::string content;  // its bytes
};

// The text that it holds: its content, unless the path ends in ".jsonl" (in any case). Such a file has one JSON object
// per line, of which the first of these members counts, and the others are ignored:
//
//   {"text": "..."}
//   {"messages": [{"role": "user", "content": "..."}, ...]}
//   {"conversations": [{"from": "human", "value": "..."}, ...]}
//
// A turn becomes "role: content". Content is a string, or an array of {"text": "..."}, which are put together; a turn
// whose content is null is left out. Turns follow one another on a new line, texts and conversations after an empty
// line. No chat template is applied. Blank lines are skipped.
//
// kDataLoss names the file, the line and the JSON path; text has to be UTF-8 without NUL,
// as what is binary (a model named by mistake, UTF-16) is no text to calibrate with, and there has to be some.
absl::StatusOr<std::string> ReadText(const TextFile& file);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TEXT_FILE_H_
