#include "formats/tokenizer/regex.h"

#include <pcre2.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "formats/tokenizer/unicode16.h"

namespace nibble::tokenizer {
namespace {

// Far beyond what a pre-tokenizer needs for any text, and a fraction of a second. The machine code has a stack, the
// interpreter that runs where there is none has a heap.
constexpr uint32_t kMatchLimit = 10'000'000;
constexpr uint32_t kHeapLimitKiB = 256 << 10;
constexpr size_t kJitStackStart = 32 << 10;
constexpr size_t kJitStackLimit = 64 << 20;

// White_Space, as Unicode and Oniguruma have it: PCRE2's \s has U+180E besides.
constexpr char kSpaces[] = "\\x{9}-\\x{d}\\x{85}\\p{Z}";

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* p) const {
    kFree(p);
  }
};
using MatchData = std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Free<pcre2_jit_stack_free>>;

std::string ErrorText(int code) {
  PCRE2_UCHAR buffer[256] = {};
  pcre2_get_error_message(code, buffer, sizeof(buffer));
  return reinterpret_cast<const char*>(buffer);
}

// The escape at the beginning of `regex`: "\\s", "\\p{Lu}", ...
absl::string_view EscapeAt(absl::string_view regex) {
  const size_t end = absl::StartsWith(regex, "\\p{") ? regex.find('}') : regex.npos;
  return regex.substr(0, end == regex.npos ? 2 : end + 1);
}

// What the escape stands for, as members of a class; empty if that says the same in both syntaxes.
std::string MembersOf(absl::string_view escape) {
  if (escape == "\\s" || escape == "\\S") return kSpaces;
  if (!absl::StartsWith(escape, "\\p{")) return "";
  const absl::string_view property = escape.substr(3, escape.size() - 4);
  // Without "sc:" PCRE2 would take the script's extensions too.
  return absl::StrCat(property == "Han" ? "\\p{sc:Han}" : escape, MembersSinceUnicode14(property));
}

std::string TranslateEscape(absl::string_view escape, bool in_class) {
  const std::string members = MembersOf(escape);
  if (members.empty()) return std::string(escape);
  if (in_class) return members;
  return absl::StrCat(escape == "\\S" ? "[^" : "[", members, "]");
}

// The class whose '[' is at `at`, translated; `at` becomes the position behind it.
std::string TranslateClass(absl::string_view regex, size_t& at) {
  std::string members, excluded;
  for (++at; at < regex.size() && regex[at] != ']';) {
    if (regex[at] == '\\') {
      const absl::string_view escape = EscapeAt(regex.substr(at));
      members += TranslateEscape(escape, /*in_class=*/true);
      at += escape.size();
    } else if (absl::StartsWith(regex.substr(at), "&&[^")) {
      at += 2;  // [^b] is a class of its own, negated: (?!...) needs the positive one
      excluded = absl::StrReplaceAll(TranslateClass(regex, at), {{"[^", "["}});
    } else {
      members += regex[at++];
    }
  }
  ++at;
  const std::string translated = absl::StrCat("[", members, "]");
  return excluded.empty() ? translated : absl::StrCat("(?:(?!", excluded, ")", translated, ")");
}

}  // namespace

std::string OnigurumaToPcre2(absl::string_view regex) {
  std::string result;
  for (size_t at = 0; at < regex.size();) {
    if (regex[at] == '\\') {
      const absl::string_view escape = EscapeAt(regex.substr(at));
      result += TranslateEscape(escape, /*in_class=*/false);
      at += escape.size();
    } else if (regex[at] == '[') {
      result += TranslateClass(regex, at);
    } else {
      result += regex[at++];
    }
  }
  return result;
}

struct Regex::Code {
  explicit Code(pcre2_code* c) : code(c) {}
  std::unique_ptr<pcre2_code, Free<pcre2_code_free>> code;
};

Regex::Regex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

absl::StatusOr<Regex> Regex::Compile(absl::string_view pattern) {
  int error = 0;
  size_t offset = 0;
  auto code = std::make_unique<Code>(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                                   PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr));
  if (code->code == nullptr) {
    return BadData(absl::StrCat("pre-tokenizer: ", pattern), "a regular expression",
                   absl::StrCat(ErrorText(error), " at offset ", offset));
  }
  pcre2_jit_compile(code->code.get(), PCRE2_JIT_COMPLETE);  // without it (no such machine) matching is only slower
  return Regex(std::move(code));
}

absl::Status Regex::Split(absl::Span<const absl::string_view> texts, std::vector<absl::string_view>& pieces) const {
  const MatchData match(pcre2_match_data_create(1, nullptr));
  const MatchContext context(pcre2_match_context_create(nullptr));
  const JitStack stack(pcre2_jit_stack_create(kJitStackStart, kJitStackLimit, nullptr));
  pcre2_set_match_limit(context.get(), kMatchLimit);
  pcre2_set_depth_limit(context.get(), kMatchLimit);
  pcre2_set_heap_limit(context.get(), kHeapLimitKiB);
  pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  for (const absl::string_view text : texts) {
    size_t done = 0;
    while (done < text.size()) {
      const int found = pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), done,
                                    PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, match.get(), context.get());
      if (found == PCRE2_ERROR_NOMATCH) break;
      if (found < 0) {
        return absl::ResourceExhaustedError(
            absl::StrCat("pre-tokenizer: expected a match within limits, found: ", ErrorText(found)));
      }
      const size_t* bounds = pcre2_get_ovector_pointer(match.get());
      if (bounds[0] > done) pieces.push_back(text.substr(done, bounds[0] - done));
      pieces.push_back(text.substr(bounds[0], bounds[1] - bounds[0]));
      done = bounds[1];
    }
    if (done < text.size()) pieces.push_back(text.substr(done));
  }
  return absl::OkStatus();
}

}  // namespace nibble::tokenizer
