// A report for tests, of figures that floats hold exactly.
#ifndef NIBBLE_CLI_VERIFY_REPORT_FIXTURE_H_
#define NIBBLE_CLI_VERIFY_REPORT_FIXTURE_H_

#include "pipeline/report.pb.h"

namespace nibble::cli {

inline Candidate MakeCandidate(const char* path, double kld, double top1) {
  Candidate candidate;
  candidate.set_path(path);
  candidate.set_bytes(1 << 20);
  candidate.mutable_kld()->set_mean(kld);
  candidate.mutable_kld()->set_p90(0.25);
  candidate.add_kld_windows(0.375);
  candidate.mutable_delta_p()->set_mean(-0.5);
  candidate.set_top1(top1);
  for (const int layer : {1, 2, 3}) {
    LayerError* error = candidate.add_layers();
    error->set_layer(layer);
    error->set_relative_error(layer == 2 ? 0.125 : 0.0625);
  }
  return candidate;
}

inline VerifyReport MakeReport() {
  VerifyReport report;
  report.set_device("cpu");
  report.set_tokens(255);
  report.set_ppl_reference(15.5);
  report.set_reference_bytes(4 << 20);
  *report.add_candidates() = MakeCandidate("out/a.gguf", 0.01, 0.95);
  return report;
}

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_VERIFY_REPORT_FIXTURE_H_
