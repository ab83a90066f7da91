#include "cli/report_page.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/html_writer.h"
#include "cli/page.h"
#include "cli/report_device.h"
#include "cli/report_parts.h"
#include "cli/report_plots.h"
#include "cli/report_tensors.h"
#include "cli/report_tokens.h"
#include "cli/report_verdict.h"
#include "cli/units.h"
#include "formats/io/file.h"

namespace nibble::cli {
namespace {

void WriteMethod(HtmlWriter& html, const VerifyReport& report);

bool Always(const VerifyReport&) { return true; }
bool HasSeveral(const VerifyReport& report) { return report.candidates_size() > 1; }
bool HasDevice(const VerifyReport& report) { return report.device_use().stages_size() > 0; }
bool HasDetails(const VerifyReport& report) { return report.candidates(0).tensors_size() > 0; }

// In the order of the page.
constexpr PageSection<VerifyReport> kSections[] = {
    {"verdict", "Verdict", "", Always, WriteVerdicts},
    {"against", "Candidates against each other", "Lower left is better: smaller, and closer to the original.",
     HasSeveral, WriteSizes},
    {"known-types", "Beside well-known types",
     "What llama.cpp's types cost two other models. A small model loses more by the same type than a large one.",
     Always, WriteKnownTypes},
    {"distribution", "Where the difference lies",
     "KL divergence says how far the prediction of the next token has moved. Most positions should lie far to the "
     "left; "
     "a long tail to the right are tokens that the model has unlearned.",
     Always, WriteDistribution},
    {"layers", "Error by layer",
     "How far the hidden state behind each layer is from the original's, relative to its length. A step shows a layer "
     "that costs more than its neighbours.",
     Always, WriteLayers},
    {"types", "Size by type", "", HasDetails, WriteTypes},
    {"tensors", "Bits and error by tensor",
     "Error is the distance of the stored weights from the original's, relative to their length. Where a transform was "
     "folded into the weights (--transform), or a calibrated run has scaled the channels between ffn_up and ffn_down, "
     "they differ on purpose, by far more than their type costs.",
     HasDetails, WriteTensorMaps},
    {"worst-tokens", "The worst tokens",
     "The positions of the largest KL divergence, with the text before them, the token that followed (marked), and "
     "what "
     "both models would have said.",
     HasDetails, WriteWorstTokens},
    {"device", "What the device did",
     "Seconds of each stage of this measurement, the share of them in which the device was at work, and what it did in "
     "that share. What is loaded ahead is loaded while other stages go on.",
     HasDevice, [](HtmlWriter& html, const VerifyReport& report) { WriteDeviceStages(html, report.device_use()); }},
    {"method", "How this was measured", "", Always, WriteMethod},
};

void WriteMethod(HtmlWriter& html, const VerifyReport& report) {
  html.Open("p").Text("Original and candidates ran side by side over ");
  html.Figure("/windows", report.windows(), absl::StrCat(report.windows())).Text(" windows of ");
  html.Figure("/window_tokens", report.window_tokens(), absl::StrCat(report.window_tokens()))
      .Text(" tokens; the second half of each was scored, ");
  html.Figure("/tokens", report.tokens(), absl::StrCat(report.tokens()))
      .Text(" positions, as llama-perplexity does. Perplexity of the original: ");
  html.Figure("/ppl_reference", report.ppl_reference(), absl::StrFormat("%.4f", report.ppl_reference())).Text(" ± ");
  html.Figure("/ppl_reference_se", report.ppl_reference_se(), absl::StrFormat("%.4f", report.ppl_reference_se()));
  html.Text(". ± is one standard error. Device: ")
      .Element("span", {{"class", "name"}}, report.device())
      .Text(".")
      .Close();
  html.Open("p").Text("Memory is that of the tensors, of a cache of keys and values in half precision (");
  html.Figure("/cache_bytes", report.cache_bytes(), FormatSize(report.cache_bytes())).Text(") and of buffers (");
  html.Figure("/buffer_bytes", report.buffer_bytes(), FormatSize(report.buffer_bytes())).Text(") for one sequence of ");
  html.Figure("/context", report.context(), absl::StrCat(report.context()));
  html.Text(" tokens; what the system and a display take comes on top. GB stands for GiB.").Close();
  html.Element("p", "The words of the verdict stand for the mean KL divergence:");
  WriteVerdictScale(html);
}

void WriteHeader(HtmlWriter& html, const VerifyReport& report) {
  html.Open("header").Open("p", {{"class", "brand"}}).Text("nibble verify").Close();
  html.Open("h1").Text("How close to ");
  html.Element("bdi", {{"class", "name"}}, io::Basename(report.reference())).Text("?").Close();
  html.Open("p", {{"class", "intro"}}).Text("The original: ");
  html.Figure("/reference_bytes", report.reference_bytes(), FormatSize(report.reference_bytes())).Text(", perplexity ");
  html.Figure("/ppl_reference", report.ppl_reference(), absl::StrFormat("%.2f", report.ppl_reference()));
  html.Text(" over ").Figure("/tokens", report.tokens(), absl::StrCat(report.tokens())).Text(" scored tokens.").Close();
  WriteContents<VerifyReport>(html, kSections, report);
  html.Close();
}

}  // namespace

std::string ReportPage(const VerifyReport& report) {
  HtmlWriter html;
  OpenPage(html, absl::StrCat("nibble verify: ", io::Basename(report.reference())));
  WriteHeader(html, report);
  WriteSections<VerifyReport>(html, kSections, report);
  ClosePage(html);
  return html.Take();
}

}  // namespace nibble::cli
