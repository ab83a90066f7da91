#include "cli/html_writer.h"

#include <gtest/gtest.h>

#include <string>

namespace nibble::cli {
namespace {

TEST(EscapeHtml, LeavesNothingThatABrowserWouldRead) {
  const struct {
    const char* text;
    const char* escaped;
  } cases[] = {
      {"blk.0 Δ 模型", "blk.0 Δ 模型"},
      {"<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
      {"a & \"b\"", "a &amp; &quot;b&quot;"},
      {"&lt;", "&amp;lt;"},
      {"a\nb", "a\\nb"},
      {"caf\xe9", "caf\\xe9"},
      {"\x1b[31m", "\\x1b[31m"},
  };
  for (const auto& row : cases) EXPECT_EQ(EscapeHtml(row.text), row.escaped) << row.text;
}

TEST(HtmlWriter, WritesATreeAndEscapesTextAndAttributes) {
  HtmlWriter html;
  html.Open("p", {{"class", "a"}, {"title", "\"><img src=x>"}}).Text("1 < 2").Leaf("br").Element("b", "bold").Close();
  EXPECT_EQ(html.Take(), "<p class=\"a\" title=\"&quot;&gt;&lt;img src=x&gt;\">1 &lt; 2<br/><b>bold</b></p>");
}

TEST(HtmlWriter, AFigureNamesItsPlaceAndItsExactValue) {
  HtmlWriter html;
  html.Figure("/candidates/0/kld/mean", 0.1, "0.10");
  EXPECT_EQ(html.Take(), "<data value=\"0.1\" data-json=\"/candidates/0/kld/mean\" data-value=\"0.1\">0.10</data>");
}

}  // namespace
}  // namespace nibble::cli
