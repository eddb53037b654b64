#include "parse/html_outline.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"

namespace precis::index {
namespace {

constexpr auto kFurnitureNames = std::to_array<std::string_view>(
    {"navheader",         "navfooter",      "navigation",      "navbar",        "nav",         "sphinxsidebar",
     "sidebar",           "related",        "breadcrumb",      "breadcrumbs",   "headerlink",  "toc",
     "table-of-contents", "footer",         "site-footer",     "page-footer",   "site-header", "menu",
     "mobile-nav",        "skip-link",      "skip-to-content", "cookie-banner", "pagination",  "prev-next",
     "anchor-link",       "mw-editsection", "noprint",         "navbox",        "catlinks",    "printfooter"});

constexpr auto kFurnitureRoles = std::to_array<std::string_view>({"navigation", "search", "banner", "contentinfo"});

// Elements without an end, or whose end may be left out: they cannot nest without others around them.
constexpr auto kFlatTags = std::to_array<std::string_view>(
    {"area",  "base", "br",    "col",    "colgroup", "dd",    "dt",     "embed",    "hr", "img",   "input",
     "li",    "link", "meta",  "option", "p",        "param", "source", "tbody",    "td", "tfoot", "th",
     "thead", "tr",   "track", "wbr",    "html",     "head",  "body",   "optgroup", "rp", "rt"});

constexpr size_t kMaxTagName = 16;

template <size_t n>
bool Contains(const std::array<std::string_view, n>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool HasFurnitureName(std::string_view names) {
  while (!names.empty()) {
    const size_t begin = names.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return false;
    names = names.substr(begin);
    const size_t end = std::min(names.find_first_of(" \t\r\n"), names.size());
    if (Contains(kFurnitureNames, names.substr(0, end))) return true;
    names = names.substr(end);
  }
  return false;
}

}  // namespace

std::string_view Attribute(const GumboElement& element, const char* name) {
  const GumboAttribute* attribute = gumbo_get_attribute(&element.attributes, name);
  return attribute == nullptr ? std::string_view() : std::string_view(attribute->value);
}

bool IsInvisible(const GumboElement& element) {
  switch (element.tag) {
    case GUMBO_TAG_HEAD:
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_NOSCRIPT:
    case GUMBO_TAG_TEMPLATE:
    case GUMBO_TAG_SVG:
    case GUMBO_TAG_IFRAME:
    case GUMBO_TAG_BUTTON:
    case GUMBO_TAG_SELECT:
    case GUMBO_TAG_TEXTAREA:
      return true;
    default:
      return gumbo_get_attribute(&element.attributes, "hidden") != nullptr;
  }
}

bool IsFurniture(const GumboElement& element, bool in_article) {
  if (element.tag == GUMBO_TAG_NAV) return true;
  if ((element.tag == GUMBO_TAG_HEADER || element.tag == GUMBO_TAG_FOOTER) && !in_article) return true;
  if (Contains(kFurnitureRoles, Attribute(element, "role"))) return true;
  return HasFurnitureName(Attribute(element, "class")) || HasFurnitureName(Attribute(element, "id"));
}

const GumboNode* FindMain(const GumboNode* root) {
  std::vector<const GumboNode*> open = {root};
  const GumboNode* article = nullptr;
  int articles = 0;
  while (!open.empty()) {
    const GumboNode* node = open.back();
    open.pop_back();
    if (node->type != GUMBO_NODE_ELEMENT) continue;
    const GumboElement& element = node->v.element;
    if (element.tag == GUMBO_TAG_MAIN || Attribute(element, "role") == "main") return node;
    if (element.tag == GUMBO_TAG_ARTICLE) {
      article = node;
      ++articles;
    }
    for (unsigned i = element.children.length; i-- > 0;) {
      open.push_back(static_cast<const GumboNode*>(element.children.data[i]));
    }
  }
  return articles == 1 ? article : nullptr;
}

int64_t NestingBound(std::string_view html) {
  // Counted by name, so that an end tag that ends nothing cannot hide an open one.
  std::map<std::string, int64_t, std::less<>> open;
  int64_t depth = 0, deepest = 0;
  // "<path/>" ends itself in a drawing, and "<div/>" never does. A drawing is left where HTML begins inside it.
  bool in_drawing = false;
  for (size_t i = html.find('<'); i != std::string_view::npos; i = html.find('<', i + 1)) {
    const bool closing = i + 1 < html.size() && html[i + 1] == '/';
    size_t end = i + 1 + (closing ? 1 : 0);
    const size_t begin = end;
    // Longer names than any element has count all the same, by their first bytes.
    while (end < html.size() && end - begin < kMaxTagName && (absl::ascii_isalnum(html[end]) || html[end] == '-')) {
      ++end;
    }
    if (end == begin || !absl::ascii_isalpha(html[begin])) continue;
    const std::string_view raw = html.substr(begin, end - begin);
    const std::string name = absl::AsciiStrToLower(absl::string_view(raw.data(), raw.size()));
    const bool drawing = name == "svg" || name == "math";
    if (drawing || name == "title") in_drawing = closing == (name == "title") && (drawing || open["svg"] > 0);
    if (Contains(kFlatTags, name)) {
      in_drawing = false;
      continue;
    }
    if (in_drawing && !closing && !drawing) {
      if (gumbo_tag_enum(name.c_str()) != GUMBO_TAG_UNKNOWN) {
        in_drawing = false;
      } else if (const size_t close = html.find('>', end); close != std::string_view::npos && html[close - 1] == '/') {
        continue;
      }
    }
    int64_t& count = open[name];
    if (!closing) {
      ++count;
      deepest = std::max(deepest, ++depth);
    } else if (count > 0) {
      --count;
      --depth;
    }
  }
  return deepest;
}

}  // namespace precis::index
