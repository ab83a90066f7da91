#include "cli/report_tokens.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "cli/report_parts.h"

namespace nibble::cli {
namespace {

// Text of the input; its direction does not spread.
void WriteToken(HtmlWriter& html, absl::string_view tag, absl::string_view css_class, absl::string_view text) {
  html.Open(tag, {{"class", std::string(css_class)}}).Element("bdi", text).Close();
}

template <typename Choices>
void WriteChoices(HtmlWriter& html, absl::string_view whose, const Choices& choices, const std::string& pointer) {
  html.Open("div").Element("h4", whose).Open("ol", {{"class", "choices"}});
  for (int i = 0; i < choices.size(); ++i) {
    html.Open("li");
    html.Element("span", {{"class", "bar"}, {"style", absl::StrFormat("width:%.1f%%", 100 * choices[i].p())}}, "");
    WriteToken(html, "code", "text", choices[i].text());
    html.Figure(absl::StrCat(pointer, "/", i, "/p"), choices[i].p(), Percent(choices[i].p())).Close();
  }
  html.Close().Close();
}

void WriteWorstToken(HtmlWriter& html, const WorstToken& token, const std::string& pointer) {
  html.Open("li").Open("p", {{"class", "where"}}).Text("KLD ");
  html.Figure(pointer + "/kld", token.kld(), ThreeDigits(token.kld())).Text(" · window ");
  html.Figure(pointer + "/window", token.window(), absl::StrCat(token.window())).Text(", position ");
  html.Figure(pointer + "/position", token.position(), absl::StrCat(token.position())).Close();
  html.Open("p", {{"class", "passage"}});
  WriteToken(html, "span", "text", token.before());
  WriteToken(html, "mark", "text", token.actual());
  WriteToken(html, "span", "text", token.after());
  html.Close().Open("p", {{"class", "where"}}).Text("Given to the token that followed: by the original ");
  html.Figure(pointer + "/reference_p", token.reference_p(), Percent(token.reference_p())).Text(", by this file ");
  html.Figure(pointer + "/candidate_p", token.candidate_p(), Percent(token.candidate_p())).Text(".").Close();
  html.Open("div", {{"class", "pair"}});
  WriteChoices(html, "The original's next token", token.reference_choices(), pointer + "/reference_choices");
  WriteChoices(html, "This file's", token.candidate_choices(), pointer + "/candidate_choices");
  html.Close().Close();
}

}  // namespace

void WriteWorstTokens(HtmlWriter& html, const VerifyReport& report) {
  const std::vector<std::string> names = CandidateNames(report);
  for (int i = 0; i < report.candidates_size(); ++i) {
    const Candidate& candidate = report.candidates(i);
    html.Open("details", names.size() == 1 ? std::vector<Attribute>{{"open", ""}} : std::vector<Attribute>{});
    html.Open("summary").Element("bdi", {{"class", "name"}}, names[i]).Close();
    html.Open("ol", {{"class", "worst"}});
    for (int token = 0; token < candidate.worst_tokens_size(); ++token) {
      WriteWorstToken(html, candidate.worst_tokens(token), CandidatePointer(i, absl::StrCat("worst_tokens/", token)));
    }
    html.Close().Close();
  }
}

}  // namespace nibble::cli
