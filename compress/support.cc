#include "support.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "marks.h"
#include "precis/base/utf8.h"
#include "precis/text/analyzer.h"
#include "precis/text/bm25.h"
#include "protect.h"

namespace precis::compress {
namespace {

// Words that carry no content of their own; negations are looked at apart.
constexpr std::string_view kStopWords =
    "a about above after again all also am an and any are as at be because been before being below between both but by "
    "can could did do does doing down during each either every few for from further had has have having he her here "
    "hers him his how i if in into is it its itself just let may me might more most much must my no nor not now of off "
    "on once only or other our out over own per quite rather same shall she should so some such than that the their "
    "them then there these they this those through thus to too under until up upon us very via was we were what when "
    "where which while who whom whose why will with without would yes you your never none neither cannot nothing "
    "nobody nowhere unless according passage passages context text source sources mentioned stated states say says "
    "don doesn didn isn aren wasn weren won wouldn can couldn shouldn hasn haven hadn t s re ve ll d";

const std::set<std::string>& StopStems() {
  static const auto* stems = [] {
    auto* set = new std::set<std::string>();
    for (std::string& stem : text::AnalyzeTerms(kStopWords)) set->insert(std::move(stem));
    return set;
  }();
  return *stems;
}

bool HasLetter(std::string_view term) {
  for (size_t i = 0; i < term.size();) {
    const DecodedChar c = DecodeUtf8(term, i);
    if (c.code_point >= 0x80 || absl::ascii_isalpha(static_cast<unsigned char>(term[i]))) return true;
    i += static_cast<size_t>(c.length);
  }
  return false;
}

// A capital where no sentence begins, or a digit or underscore within the word.
bool IsName(std::string_view text, const ByteRange& word) {
  const std::string_view bytes = Slice(text, word);
  if (bytes.empty()) return false;
  const bool code = std::any_of(bytes.begin(), bytes.end(),
                                [](char c) { return c == '_' || absl::ascii_isdigit(static_cast<unsigned char>(c)); });
  if (code) return true;
  const bool inner_capital = std::any_of(bytes.begin() + 1, bytes.end(),
                                         [](char c) { return absl::ascii_isupper(static_cast<unsigned char>(c)); });
  if (inner_capital) return true;
  if (!absl::ascii_isupper(static_cast<unsigned char>(bytes[0]))) return false;
  int64_t before = word.begin;
  while (before > 0 &&
         std::string_view(" \t\n\"'`(*_#>-").find(text[static_cast<size_t>(before - 1)]) != std::string_view::npos) {
    --before;
  }
  return before > 0 && std::string_view(".!?:\n").find(text[static_cast<size_t>(before - 1)]) == std::string_view::npos;
}

// "1,000.50 euros" -> "1000.50"; "2024-01-31" -> "2024", "01", "31" would match too much: dates stay whole.
std::string NumberCore(std::string_view number) {
  std::string core;
  for (size_t i = 0; i < number.size(); ++i) {
    const char c = number[i];
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      core.push_back(c);
    } else if (c == ',' && i + 3 < number.size() && !core.empty()) {
      continue;
    } else if ((c == '.' || c == '-' || c == ':' || c == '/') && !core.empty() && i + 1 < number.size() &&
               absl::ascii_isdigit(static_cast<unsigned char>(number[i + 1]))) {
      core.push_back(c);
    } else if (!core.empty()) {
      break;
    }
  }
  return core;
}

}  // namespace

Statement Analyse(std::string_view text) {
  const std::string plain = BlankMarks(text);
  Statement statement;
  const std::vector<ProtectedSpan> spans = FindProtected(plain, {});
  std::vector<ByteRange> negations;
  for (const ProtectedSpan& span : spans) {
    if (span.kind == ProtectedKind::kNumber) {
      std::string core = NumberCore(Slice(plain, span.range));
      if (!core.empty()) statement.numbers.insert(std::move(core));
    } else if (span.kind == ProtectedKind::kNegation) {
      statement.has_negation = true;
      negations.push_back(span.range);
    }
  }
  size_t next = 0;   // negation that the words have not reached yet
  int in_scope = 0;  // content words that the last negation still reaches
  for (const text::Term& term : text::Analyze(plain)) {
    while (next < negations.size() && term.bytes.begin >= negations[next].begin) {
      in_scope = 2;
      ++next;
    }
    if (!HasLetter(term.text) || StopStems().count(term.text) > 0) continue;
    statement.terms.insert(term.text);
    if (IsName(plain, term.bytes)) statement.names.insert(term.text);
    if (in_scope > 0) {
      statement.negated.insert(term.text);
      --in_scope;
    }
  }
  return statement;
}

Statement Joined(const Statement& a, const Statement& b) {
  Statement joined = a;
  joined.terms.insert(b.terms.begin(), b.terms.end());
  joined.names.insert(b.names.begin(), b.names.end());
  joined.numbers.insert(b.numbers.begin(), b.numbers.end());
  joined.negated.insert(b.negated.begin(), b.negated.end());
  joined.has_negation |= b.has_negation;
  return joined;
}

TermWeights::TermWeights(const std::vector<Statement>& texts) : texts_(static_cast<int64_t>(texts.size())) {
  for (const Statement& text : texts) {
    for (const std::string& term : text.terms) ++frequencies_[term];
  }
}

double TermWeights::Of(const std::string& term) const {
  const auto it = frequencies_.find(term);
  return text::Bm25Idf(texts_, it == frequencies_.end() ? 0 : it->second);
}

Support Compare(const Statement& sentence, const Statement& evidence, const TermWeights& weights) {
  Support support;
  double all = 0, found = 0;
  for (const std::string& term : sentence.terms) {
    const double weight = weights.Of(term);
    all += weight;
    if (evidence.terms.count(term) == 0) continue;
    found += weight;
    ++support.shared;
  }
  support.recall = all > 0 ? found / all : 0;
  support.names =
      std::includes(evidence.terms.begin(), evidence.terms.end(), sentence.names.begin(), sentence.names.end());
  support.numbers =
      std::includes(evidence.numbers.begin(), evidence.numbers.end(), sentence.numbers.begin(), sentence.numbers.end());
  support.polarity = !sentence.has_negation || evidence.has_negation;
  for (const std::string& term : sentence.terms) {
    if (evidence.terms.count(term) == 0) continue;
    support.polarity &= sentence.negated.count(term) == evidence.negated.count(term);
  }
  return support;
}

}  // namespace precis::compress
