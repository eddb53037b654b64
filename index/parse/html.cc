#include <gumbo.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "parse/formats.h"
#include "parse/html_outline.h"
#include "parse/html_text_node.h"
#include "parse/text_builder.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"

namespace precis::index {
namespace {

// Real pages nest less than 100 deep. See NestingBound.
constexpr int64_t kMaxNesting = 1000;
// A charset must be declared in the first 1,024 bytes (HTML standard, 4.2.5.4).
constexpr size_t kCharsetBytes = 1024;
constexpr size_t kMaxTitle = 300;

struct OutputCloser {
  void operator()(GumboOutput* output) const { gumbo_destroy_output(&kGumboDefaultOptions, output); }
};

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Elements that stand on lines of their own.
bool IsBlock(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_ADDRESS:
    case GUMBO_TAG_ARTICLE:
    case GUMBO_TAG_ASIDE:
    case GUMBO_TAG_BLOCKQUOTE:
    case GUMBO_TAG_BODY:
    case GUMBO_TAG_CAPTION:
    case GUMBO_TAG_CENTER:
    case GUMBO_TAG_DD:
    case GUMBO_TAG_DETAILS:
    case GUMBO_TAG_DIV:
    case GUMBO_TAG_DL:
    case GUMBO_TAG_DT:
    case GUMBO_TAG_FIELDSET:
    case GUMBO_TAG_FIGCAPTION:
    case GUMBO_TAG_FIGURE:
    case GUMBO_TAG_FOOTER:
    case GUMBO_TAG_FORM:
    case GUMBO_TAG_H1:
    case GUMBO_TAG_H2:
    case GUMBO_TAG_H3:
    case GUMBO_TAG_H4:
    case GUMBO_TAG_H5:
    case GUMBO_TAG_H6:
    case GUMBO_TAG_HEADER:
    case GUMBO_TAG_HR:
    case GUMBO_TAG_MAIN:
    case GUMBO_TAG_OL:
    case GUMBO_TAG_P:
    case GUMBO_TAG_PRE:
    case GUMBO_TAG_SECTION:
    case GUMBO_TAG_SUMMARY:
    case GUMBO_TAG_TABLE:
    case GUMBO_TAG_UL:
      return true;
    default:
      return false;
  }
}

int HeadingLevel(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? static_cast<int>(tag) - static_cast<int>(GUMBO_TAG_H1) + 1 : 0;
}

// Tables that only place blocks beside each other are read as blocks.
bool IsLayoutTable(const GumboNode* table) {
  std::vector<const GumboNode*> open = {table};
  while (!open.empty()) {
    const GumboNode* node = open.back();
    open.pop_back();
    if (node->type != GUMBO_NODE_ELEMENT) continue;
    const GumboElement& element = node->v.element;
    const bool nested = element.tag == GUMBO_TAG_TABLE && node != table;
    if (nested || element.tag == GUMBO_TAG_PRE || HeadingLevel(element.tag) > 0) return true;
    for (unsigned i = 0; i < element.children.length; ++i) {
      open.push_back(static_cast<const GumboNode*>(element.children.data[i]));
    }
  }
  return false;
}

// Writes the text of a tree. Separators wait until there is text to separate, so none doubles, leads or trails.
class HtmlWriter {
 public:
  HtmlWriter(std::string_view html, const GumboNode* main, TextBuilder* builder, const CallContext& call)
      : html_(html), main_(main), builder_(builder), call_(call) {}

  absl::Status Write(const GumboNode* node) { return Node(node, main_ == nullptr, false); }

  // Bytes of visible text that were left out as furniture.
  int64_t left_out() const { return left_out_; }

 private:
  absl::Status Node(const GumboNode* node, bool kept, bool in_article) {
    switch (node->type) {
      case GUMBO_NODE_ELEMENT:
        return Element(node, kept, in_article);
      case GUMBO_NODE_TEXT:
      case GUMBO_NODE_CDATA:
      case GUMBO_NODE_WHITESPACE:
        if (kept) {
          Text(node->v.text);
        } else {
          const std::string_view text(node->v.text.text);
          left_out_ += std::count_if(text.begin(), text.end(), [](char c) { return !IsSpace(c); });
        }
        return absl::OkStatus();
      default:
        return absl::OkStatus();
    }
  }

  absl::Status Children(const GumboElement& element, bool kept, bool in_article) {
    for (unsigned i = 0; i < element.children.length && !builder_->full(); ++i) {
      PRECIS_RETURN_IF_ERROR(Node(static_cast<const GumboNode*>(element.children.data[i]), kept, in_article));
    }
    return absl::OkStatus();
  }

  absl::Status Element(const GumboNode* node, bool kept, bool in_article) {
    const GumboElement& element = node->v.element;
    if (++elements_ % 1024 == 0) PRECIS_RETURN_IF_ERROR(call_.Check());
    if (IsInvisible(element)) return absl::OkStatus();
    if (node == main_) kept = in_article = true;
    in_article = in_article || element.tag == GUMBO_TAG_ARTICLE || element.tag == GUMBO_TAG_MAIN;
    if (kept && node != main_ && element.tag != GUMBO_TAG_BODY && IsFurniture(element, in_article)) {
      return Children(element, false, in_article);
    }
    if (!kept) return Children(element, false, in_article);
    if (const int level = HeadingLevel(element.tag); level > 0) return Heading(element, level, in_article);
    switch (element.tag) {
      case GUMBO_TAG_BR:
        Break(1);
        return absl::OkStatus();
      case GUMBO_TAG_PRE:
        return Preformatted(element, in_article);
      case GUMBO_TAG_UL:
      case GUMBO_TAG_OL:
      case GUMBO_TAG_MENU:
        return List(element, in_article);
      case GUMBO_TAG_LI:
        return Item(element, in_article);
      case GUMBO_TAG_TABLE:
        return Table(node, in_article);
      case GUMBO_TAG_TR:
        return Row(element, in_article);
      case GUMBO_TAG_TD:
      case GUMBO_TAG_TH:
        return Cell(element, in_article);
      default:
        break;
    }
    const bool block = IsBlock(element.tag);
    if (block) Break(2);
    PRECIS_RETURN_IF_ERROR(Children(element, true, in_article));
    if (block) Break(2);
    return absl::OkStatus();
  }

  absl::Status Heading(const GumboElement& element, int level, bool in_article) {
    Break(2);
    if (one_line_ == 0) mark_ = std::string(static_cast<size_t>(level), '#') + " ";
    ++one_line_;
    const absl::Status status = Children(element, true, in_article);
    --one_line_;
    if (one_line_ == 0) mark_.clear();
    Break(2);
    return status;
  }

  absl::Status Preformatted(const GumboElement& element, bool in_article) {
    if (one_line_ > 0) return Children(element, true, in_article);
    Break(2);
    mark_ += "```\n";
    const size_t before = builder_->text().size();
    ++preformatted_;
    const absl::Status status = Children(element, true, in_article);
    --preformatted_;
    if (builder_->text().size() > before) {
      builder_->Add(builder_->text().back() == '\n' ? "```" : "\n```");
    }
    mark_.clear();
    Break(2);
    return status;
  }

  absl::Status List(const GumboElement& element, bool in_article) {
    if (!lists_.empty() && one_line_ == 0) lines_ = 0;
    Break(lists_.empty() ? 2 : 1);
    lists_.push_back(element.tag == GUMBO_TAG_OL ? 1 : 0);
    PRECIS_RETURN_IF_ERROR(Children(element, true, in_article));
    lists_.pop_back();
    Break(lists_.empty() ? 2 : 1);
    return absl::OkStatus();
  }

  absl::Status Item(const GumboElement& element, bool in_article) {
    Break(1);
    if (one_line_ == 0) {
      mark_ = std::string(lists_.size() > 1 ? 2 * (lists_.size() - 1) : 0, ' ');
      mark_ += lists_.empty() || lists_.back() == 0 ? "- " : absl::StrCat(lists_.back()++, ". ");
    }
    PRECIS_RETURN_IF_ERROR(Children(element, true, in_article));
    mark_.clear();
    // Items stand close, whatever blocks they end with.
    if (one_line_ == 0) lines_ = 0;
    Break(1);
    return absl::OkStatus();
  }

  absl::Status Table(const GumboNode* node, bool in_article) {
    Break(2);
    layout_.push_back(one_line_ == 0 && IsLayoutTable(node));
    PRECIS_RETURN_IF_ERROR(Children(node->v.element, true, in_article));
    layout_.pop_back();
    Break(2);
    return absl::OkStatus();
  }

  absl::Status Row(const GumboElement& element, bool in_article) {
    Break(1);
    const int outer = cells_;
    cells_ = 0;
    PRECIS_RETURN_IF_ERROR(Children(element, true, in_article));
    cells_ = outer;
    if (one_line_ == 0) mark_.clear();
    Break(1);
    return absl::OkStatus();
  }

  absl::Status Cell(const GumboElement& element, bool in_article) {
    if (!layout_.empty() && layout_.back()) {
      Break(2);
      PRECIS_RETURN_IF_ERROR(Children(element, true, in_article));
      Break(2);
      return absl::OkStatus();
    }
    if (cells_++ > 0) {
      space_ = false;
      mark_ += " | ";
    }
    ++one_line_;
    PRECIS_RETURN_IF_ERROR(Children(element, true, in_article));
    --one_line_;
    space_ = false;
    return absl::OkStatus();
  }

  // Asks for at least `lines` line ends before the next text.
  void Break(int lines) {
    if (one_line_ > 0 || preformatted_ > 0) {
      space_ = true;
      return;
    }
    // A block directly inside a list item or after a mark goes on behind the mark.
    if (!mark_.empty()) return;
    lines_ = std::max(lines_, lines);
    space_ = false;
  }

  // Writes what waits before text: line ends, then the mark of the block, or a space.
  void Flush() {
    if (lines_ > 0 && !builder_->empty()) builder_->Add(std::string(static_cast<size_t>(lines_), '\n'));
    const bool begins = lines_ > 0 || builder_->empty();
    lines_ = 0;
    if (!mark_.empty()) {
      builder_->Add(mark_);
      mark_.clear();
    } else if (space_ && !begins) {
      builder_->Add(" ");
    }
    space_ = false;
  }

  void Text(const GumboText& node) {
    const std::string_view decoded(node.text);
    const auto* raw_begin = node.original_text.data;
    // Text that the parser made up has no place; what it moved keeps its own.
    const bool placed =
        raw_begin >= html_.data() && raw_begin + node.original_text.length <= html_.data() + html_.size();
    const std::string_view raw = placed ? std::string_view(raw_begin, node.original_text.length) : std::string_view();
    const int64_t offset = placed ? raw_begin - html_.data() : 0;
    for (const TextRun& run : AlignTextNode(decoded, raw)) {
      // The place of bytes [begin, end) of `decoded`, which lie in this run.
      const auto add = [&](int64_t begin, int64_t end, std::string_view text) {
        if (!placed) {
          builder_->Add(text);
          return;
        }
        const int64_t shift = run.raw.begin - run.decoded.begin;
        const ByteRange raw_range = run.literal ? ByteRange{begin + shift, end + shift} : run.raw;
        builder_->AddFrom(text, {offset + raw_range.begin, offset + raw_range.end});
      };
      for (int64_t i = run.decoded.begin; i < run.decoded.end;) {
        const bool space = preformatted_ == 0 && IsSpace(decoded[static_cast<size_t>(i)]);
        int64_t end = i + 1;
        while (end < run.decoded.end && (preformatted_ == 0 && IsSpace(decoded[static_cast<size_t>(end)])) == space) {
          ++end;
        }
        if (!space) {
          Flush();
          add(i, end, Slice(decoded, {i, end}));
        } else if (end == i + 1 && i > run.decoded.begin && end < run.decoded.end) {
          // A single white space between words keeps its place, so that the words stay one segment.
          add(i, end, " ");
        } else {
          space_ = true;
        }
        i = end;
      }
    }
  }

  std::string_view html_;
  const GumboNode* main_;
  TextBuilder* builder_;
  const CallContext& call_;
  std::string mark_;          // written before the next text
  int lines_ = 0;             // line ends to write before it
  bool space_ = false;        // or a space
  int one_line_ = 0;          // inside headings and cells: no line ends
  int preformatted_ = 0;      // inside <pre>
  int cells_ = 0;             // of the row so far
  std::vector<int> lists_;    // open lists: 0, or the next number
  std::vector<bool> layout_;  // open tables
  int64_t elements_ = 0;
  int64_t left_out_ = 0;
};

// The text of <title>, white space collapsed.
std::string Title(const GumboNode* root) {
  std::vector<const GumboNode*> open = {root};
  while (!open.empty()) {
    const GumboNode* node = open.back();
    open.pop_back();
    if (node->type != GUMBO_NODE_ELEMENT) continue;
    const GumboVector& children = node->v.element.children;
    if (node->v.element.tag == GUMBO_TAG_TITLE && node->v.element.tag_namespace == GUMBO_NAMESPACE_HTML) {
      std::string title;
      if (children.length > 0) {
        const auto* text = static_cast<const GumboNode*>(children.data[0]);
        if (text->type == GUMBO_NODE_TEXT) title = text->v.text.text;
      }
      absl::RemoveExtraAsciiWhitespace(&title);
      title.resize(FloorToCharBoundary(title, std::min(title.size(), kMaxTitle)));
      return title;
    }
    for (unsigned i = children.length; i-- > 0;) open.push_back(static_cast<const GumboNode*>(children.data[i]));
  }
  return "";
}

}  // namespace

std::string HtmlCharset(std::string_view original) {
  const std::string_view raw = original.substr(0, kCharsetBytes);
  const std::string head = absl::AsciiStrToLower(absl::string_view(raw.data(), raw.size()));
  for (size_t meta = head.find("<meta"); meta != std::string::npos; meta = head.find("<meta", meta + 1)) {
    const std::string tag = head.substr(meta, head.find('>', meta) - meta);
    const size_t found = tag.find("charset=");
    if (found == std::string::npos) continue;
    size_t begin = found + 8;
    while (begin < tag.size() && (tag[begin] == '"' || tag[begin] == '\'')) ++begin;
    size_t end = begin;
    while (end < tag.size() && (absl::ascii_isalnum(tag[end]) || tag[end] == '-' || tag[end] == '_')) ++end;
    return tag.substr(begin, end - begin);
  }
  // XHTML: <?xml version="1.0" encoding="ISO-8859-1"?>
  if (head.rfind("<?xml", 0) == 0) {
    const std::string declaration = head.substr(0, head.find("?>"));
    const size_t found = declaration.find("encoding=");
    if (found != std::string::npos && found + 10 < declaration.size()) {
      const size_t begin = found + 10;
      return declaration.substr(begin, declaration.find_first_of("\"'", begin) - begin);
    }
  }
  return "";
}

absl::Status ParseHtml(const DecodedText& source, const ParseLimits& limits, const CallContext& call,
                       ParsedDocument* document) {
  const std::string_view html = source.text();
  if (const int64_t depth = NestingBound(html); depth > kMaxNesting) {
    return StatusWithReason(
        absl::StatusCode::kInvalidArgument, "PARSE_FAILED",
        absl::StrCat("the page nests ", depth, " elements deep (unclosed tags?) and may nest ", kMaxNesting));
  }
  const std::unique_ptr<GumboOutput, OutputCloser> output(
      gumbo_parse_with_options(&kGumboDefaultOptions, html.data(), html.size()));
  if (output == nullptr || output->root == nullptr) {
    return StatusWithReason(absl::StatusCode::kInvalidArgument, "PARSE_FAILED", "the page cannot be read as HTML");
  }
  PRECIS_RETURN_IF_ERROR(call.Check());
  document->title = Title(output->root);
  if (output->root->type == GUMBO_NODE_ELEMENT) {
    document->language = std::string(Attribute(output->root->v.element, "lang"));
  }
  TextBuilder builder(source, limits.max_text_bytes);
  HtmlWriter writer(html, FindMain(output->root), &builder, call);
  PRECIS_RETURN_IF_ERROR(writer.Write(output->root));
  if (writer.left_out() > 0) {
    document->warnings.push_back(
        absl::StrCat("Left out ", writer.left_out(), " bytes of text in navigation, sidebars, headers and footers."));
  }
  return builder.Finish(&document->text, &document->map);
}

}  // namespace precis::index
