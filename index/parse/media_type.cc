#include "parse/media_type.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "precis/base/reason.h"

namespace precis::index {
namespace {

// Sniffing looks no further.
constexpr size_t kSniffBytes = 1024;

std::string Lower(std::string_view text) { return absl::AsciiStrToLower(absl::string_view(text.data(), text.size())); }

std::string Trimmed(std::string_view text) {
  return std::string(absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size())));
}

struct Ending {
  std::string_view ending;  // with the dot, or a whole file name
  Format format;
  std::string_view media_type;
  std::string_view language;
};

// Whole names first: CMakeLists.txt is no plain text.
constexpr Ending kEndings[] = {
    {"cmakelists.txt", Format::kPlain, "text/x-cmake", "cmake"},
    {"makefile", Format::kPlain, "text/x-makefile", "makefile"},
    {"dockerfile", Format::kPlain, "text/x-dockerfile", "dockerfile"},
    {".txt", Format::kPlain, "text/plain", ""},
    {".text", Format::kPlain, "text/plain", ""},
    {".log", Format::kPlain, "text/plain", ""},
    {".rst", Format::kPlain, "text/x-rst", ""},
    {".md", Format::kMarkdown, "text/markdown", ""},
    {".markdown", Format::kMarkdown, "text/markdown", ""},
    {".html", Format::kHtml, "text/html", ""},
    {".htm", Format::kHtml, "text/html", ""},
    {".xhtml", Format::kHtml, "application/xhtml+xml", ""},
    {".json", Format::kJson, "application/json", ""},
    {".jsonl", Format::kJsonLines, "application/jsonl", ""},
    {".ndjson", Format::kJsonLines, "application/x-ndjson", ""},
    {".csv", Format::kCsv, "text/csv", ""},
    {".tsv", Format::kCsv, "text/tab-separated-values", ""},
    {".pdf", Format::kPdf, "application/pdf", ""},
    {".py", Format::kPlain, "text/x-python", "python"},
    {".pyi", Format::kPlain, "text/x-python", "python"},
    {".c", Format::kPlain, "text/x-c", "c"},
    {".h", Format::kPlain, "text/x-c++", "c++"},
    {".cc", Format::kPlain, "text/x-c++", "c++"},
    {".cpp", Format::kPlain, "text/x-c++", "c++"},
    {".cxx", Format::kPlain, "text/x-c++", "c++"},
    {".hh", Format::kPlain, "text/x-c++", "c++"},
    {".hpp", Format::kPlain, "text/x-c++", "c++"},
    {".cu", Format::kPlain, "text/x-c++", "c++"},
    {".cs", Format::kPlain, "text/x-csharp", "csharp"},
    {".java", Format::kPlain, "text/x-java", "java"},
    {".kt", Format::kPlain, "text/x-kotlin", "kotlin"},
    {".scala", Format::kPlain, "text/x-scala", "scala"},
    {".go", Format::kPlain, "text/x-go", "go"},
    {".rs", Format::kPlain, "text/x-rust", "rust"},
    {".rb", Format::kPlain, "text/x-ruby", "ruby"},
    {".php", Format::kPlain, "text/x-php", "php"},
    {".pl", Format::kPlain, "text/x-perl", "perl"},
    {".lua", Format::kPlain, "text/x-lua", "lua"},
    {".swift", Format::kPlain, "text/x-swift", "swift"},
    {".js", Format::kPlain, "text/javascript", "javascript"},
    {".mjs", Format::kPlain, "text/javascript", "javascript"},
    {".jsx", Format::kPlain, "text/javascript", "javascript"},
    {".ts", Format::kPlain, "text/x-typescript", "typescript"},
    {".tsx", Format::kPlain, "text/x-typescript", "typescript"},
    {".sh", Format::kPlain, "text/x-shellscript", "shell"},
    {".bash", Format::kPlain, "text/x-shellscript", "shell"},
    {".sql", Format::kPlain, "text/x-sql", "sql"},
    {".proto", Format::kPlain, "text/x-protobuf", "protobuf"},
    {".cmake", Format::kPlain, "text/x-cmake", "cmake"},
    {".yaml", Format::kPlain, "application/yaml", "yaml"},
    {".yml", Format::kPlain, "application/yaml", "yaml"},
    {".toml", Format::kPlain, "application/toml", "toml"},
    {".ini", Format::kPlain, "text/x-ini", "ini"},
    {".cfg", Format::kPlain, "text/x-ini", "ini"},
    {".xml", Format::kPlain, "application/xml", "xml"},
    {".css", Format::kPlain, "text/css", "css"},
    {".r", Format::kPlain, "text/x-r", "r"},
    {".jl", Format::kPlain, "text/x-julia", "julia"},
    {".tex", Format::kPlain, "text/x-tex", "latex"},
};

struct Interpreter {
  std::string_view name, media_type, language;
};

constexpr Interpreter kInterpreters[] = {
    {"python", "text/x-python", "python"},   {"node", "text/javascript", "javascript"},
    {"perl", "text/x-perl", "perl"},         {"ruby", "text/x-ruby", "ruby"},
    {"bash", "text/x-shellscript", "shell"}, {"sh", "text/x-shellscript", "shell"},
};

FileType TypeOf(const Ending& entry) {
  return {entry.format, std::string(entry.media_type), std::string(entry.language), ""};
}

// The path of a URI, without query and fragment, in lower case.
std::string PathOf(std::string_view uri) {
  const bool is_url = uri.find("://") != std::string_view::npos;
  return Lower(is_url ? uri.substr(0, uri.find_first_of("?#")) : uri);
}

bool EndsWith(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

const Ending* FindEnding(std::string_view uri) {
  const std::string path = PathOf(uri);
  const std::string name = path.substr(path.find_last_of('/') + 1);
  for (const Ending& entry : kEndings) {
    if (entry.ending[0] == '.' ? EndsWith(name, entry.ending) : name == entry.ending) return &entry;
  }
  return nullptr;
}

FileType Sniff(std::string_view content) {
  if (content.substr(0, kSniffBytes).find("%PDF-") != std::string_view::npos) {
    return {Format::kPdf, "application/pdf", "", ""};
  }
  const std::string head = Lower(Trimmed(content.substr(0, kSniffBytes)));
  for (const std::string_view mark : {"<!doctype html", "<html", "<head", "<body"}) {
    if (head.rfind(mark, 0) == 0) return {Format::kHtml, "text/html", "", ""};
  }
  if (head.rfind("<?xml", 0) == 0) {
    return head.find("<html") != std::string::npos ? FileType{Format::kHtml, "application/xhtml+xml", "", ""}
                                                   : FileType{Format::kPlain, "application/xml", "xml", ""};
  }
  if (head.rfind("#!", 0) == 0) {
    const std::string line = head.substr(0, head.find('\n'));
    for (const Interpreter& interpreter : kInterpreters) {
      if (line.find(interpreter.name) != std::string::npos) {
        return {Format::kPlain, std::string(interpreter.media_type), std::string(interpreter.language), ""};
      }
    }
  }
  return {Format::kPlain, "text/plain", "", ""};
}

// "text/html; charset=ISO-8859-1" gives "iso-8859-1".
std::string CharsetOf(std::string_view parameters) {
  const std::string lower = Lower(parameters);
  const size_t found = lower.find("charset=");
  if (found == std::string::npos) return "";
  std::string value = lower.substr(found + 8);
  value = value.substr(0, value.find(';'));
  value.erase(std::remove(value.begin(), value.end(), '"'), value.end());
  return Trimmed(value);
}

}  // namespace

absl::StatusOr<FileType> DetectFileType(std::string_view uri, std::string_view media_type, std::string_view content) {
  const Ending* ending = FindEnding(uri);
  const std::string type = Trimmed(Lower(media_type.substr(0, media_type.find(';'))));
  // Senders that know nothing say "octet-stream"; "text/plain" of a file with a telling name is as little.
  const bool says_nothing = type.empty() || type == "application/octet-stream";
  FileType result;
  if (says_nothing) {
    result = ending != nullptr ? TypeOf(*ending) : Sniff(content);
  } else if (type == "text/plain") {
    result = ending != nullptr && ending->format == Format::kPlain ? TypeOf(*ending)
                                                                   : FileType{Format::kPlain, "text/plain", "", ""};
  } else {
    const auto* known = std::find_if(std::begin(kEndings), std::end(kEndings),
                                     [&](const Ending& entry) { return entry.media_type == type; });
    if (known != std::end(kEndings)) {
      result = TypeOf(*known);
    } else if (type == "text/x-markdown") {
      result = {Format::kMarkdown, "text/markdown", "", ""};
    } else if (type == "application/javascript" || type == "application/x-javascript") {
      result = {Format::kPlain, "text/javascript", "javascript", ""};
    } else if (type.rfind("text/", 0) == 0 || EndsWith(type, "+xml")) {
      result = {Format::kPlain, type, ending != nullptr ? std::string(ending->language) : "", ""};
    } else if (EndsWith(type, "+json")) {
      result = {Format::kJson, type, "", ""};
    } else {
      return StatusWithReason(
          absl::StatusCode::kUnimplemented, "UNSUPPORTED_MEDIA_TYPE",
          absl::StrCat("the media type \"", type,
                       "\" is not read: convert the document to text, Markdown, HTML, JSON, CSV or PDF"));
    }
  }
  if (const size_t semicolon = media_type.find(';'); semicolon != std::string_view::npos) {
    result.charset = CharsetOf(media_type.substr(semicolon + 1));
  }
  return result;
}

}  // namespace precis::index
