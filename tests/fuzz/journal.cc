// The journal of a job that was stopped.
#include "pipeline/output/journal.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "formats/io/record_log.h"
#include "tests/fuzz/target.h"
#include "xxhash.h"

namespace nibble::fuzz {
namespace {

std::string LittleEndian(uint64_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i));
  return text;
}

// A log of these records, with their hashes.
std::string Log(const std::vector<std::string>& records) {
  std::string log;
  for (const std::string& record : records) {
    const uint64_t hash = XXH3_64bits_withSeed(record.data(), record.size(), log.size());
    absl::StrAppend(&log, LittleEndian(record.size(), 4), LittleEndian(hash, 8), record);
  }
  return log;
}

std::string JobRecord() {
  JournalRecord record;
  Manifest& manifest = *record.mutable_job()->mutable_manifest();
  manifest.set_nibble("1.0");
  manifest.set_instruction_set("any");
  manifest.mutable_recipe()->set_type("Q4_0");
  manifest.add_sources()->set_bytes(10);
  record.mutable_job()->add_source_times(1234);
  record.mutable_job()->set_plan_sha256("abc");
  return record.SerializeAsString();
}

std::string RowsRecord(int tensor) {
  JournalRecord record;
  for (int slice = 0; slice < 2; ++slice) {
    WrittenRows& rows = *record.add_rows();
    rows.set_tensor(tensor);
    rows.set_slice(slice);
    rows.set_first(16);
    rows.set_rows(27);
    rows.set_step(8);
    rows.set_checksum(4711);
  }
  return record.SerializeAsString();
}

std::string LayersRecord(int first, int last) {
  JournalRecord record;
  record.mutable_layers()->set_first(first);
  record.mutable_layers()->set_last(last);
  record.mutable_layers()->set_slot(last % 2);
  record.mutable_layers()->set_states_checksum(5);
  record.mutable_layers()->set_kept_bytes(100);
  return record.SerializeAsString();
}

}  // namespace

std::vector<std::string> Seeds() {
  return {Log({JobRecord(), RowsRecord(0), RowsRecord(3)}),
          Log({JobRecord(), RowsRecord(0), LayersRecord(0, 1), RowsRecord(1), LayersRecord(1, 3), LayersRecord(1, 2)}),
          Log({JobRecord()}) + std::string(40, '\0')};
}

// A record is changed, left out, or there twice; the hashes are right again, mostly.
std::string Mutated(const std::string& input, Random& random) {
  const absl::StatusOr<io::Records> parsed = io::ParseRecords(input, "journal");
  if (!parsed.ok() || parsed->each.empty() || Below(8, random) == 0) return MutatedBytes(input, random);
  std::vector<std::string> records(parsed->each.begin(), parsed->each.end());
  const size_t place = Below(records.size(), random);
  switch (Below(6, random)) {
    case 0:
      records.erase(records.begin() + place);
      break;
    case 1:
      records.insert(records.begin() + Below(records.size() + 1, random), std::string(records[place]));
      break;
    default:
      records[place] = MutatedBytes(records[place], random);
  }
  return Log(records);
}

void Run(absl::string_view input) {
  const absl::StatusOr<JournalContent> content = ParseJournal(input, "x.part.journal");
  if (absl::IsNotFound(content.status())) return;
  Judge(content.status());
  if (!content.ok()) return;
  if (content->bytes > input.size()) std::abort();
  int reached = 0;
  for (const LayersDone& layers : content->layers) {
    if (layers.first() != reached || layers.last() <= reached) std::abort();
    reached = layers.last();
  }
}

}  // namespace nibble::fuzz
