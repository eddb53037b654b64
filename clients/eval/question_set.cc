#include "eval/question_set.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"

namespace precis::eval {
namespace {

using nlohmann::json;

constexpr int64_t kMaxSetBytes = 1 << 20, kMaxDocumentsBytes = int64_t{1} << 30, kMaxQuestionsBytes = 256 << 20;
constexpr size_t kMaxQuestionBytes = 64 << 10;  // of a search's query
constexpr size_t kMaxAnswers = 1000, kMaxAnswerBytes = 4096;

// One object of a file, and the words for what is wrong with it.
class Reader {
 public:
  Reader(const std::string& path, int line, const json& object) : path_(path), line_(line), object_(object) {}

  absl::Status Error(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(path_, line_ > 0 ? absl::StrCat(":", line_) : "", ": ", what));
  }
  absl::Status Text(const char* name, bool required, std::string* out) const {
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) {
      return required ? Error(absl::StrCat("'", name, "' is missing")) : absl::OkStatus();
    }
    if (!found->is_string()) return Error(absl::StrCat("'", name, "' must be a string"));
    *out = found->get<std::string>();
    if (required && out->empty()) return Error(absl::StrCat("'", name, "' is empty"));
    return absl::OkStatus();
  }
  absl::Status Texts(const char* name, std::vector<std::string>* out) const {
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) return absl::OkStatus();
    if (!found->is_array()) return Error(absl::StrCat("'", name, "' must be a list of strings"));
    for (const json& item : *found) {
      if (!item.is_string()) return Error(absl::StrCat("'", name, "' must be a list of strings"));
      out->push_back(item.get<std::string>());
    }
    return absl::OkStatus();
  }
  absl::Status Number(const char* name, const json& in, int64_t* out) const {
    const auto found = in.find(name);
    if (found == in.end() || !found->is_number_integer()) {
      return Error(absl::StrCat("'", name, "' must be a whole number"));
    }
    *out = found->get<int64_t>();
    return absl::OkStatus();
  }
  absl::Status Real(const char* name, const json& in, double* out) const {
    const auto found = in.find(name);
    if (found == in.end() || !found->is_number()) return Error(absl::StrCat("'", name, "' must be a number"));
    *out = found->get<double>();
    return absl::OkStatus();
  }
  const json& object() const { return object_; }

 private:
  const std::string& path_;
  const int line_;
  const json& object_;
};

// Calls `use` with each line's object.
template <class Use>
absl::Status ReadLines(const std::string& path, const std::string& bytes, Use use) {
  int line = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    ++line;
    if (bytes.find_first_not_of(" \t\r", at) < end) {
      const json object = json::parse(bytes.begin() + static_cast<int64_t>(at),
                                      bytes.begin() + static_cast<int64_t>(end), nullptr, /*allow_exceptions=*/false);
      if (!object.is_object()) return absl::InvalidArgumentError(absl::StrCat(path, ":", line, ": not a JSON object"));
      PRECIS_RETURN_IF_ERROR(use(Reader(path, line, object)));
    }
    at = end + 1;
  }
  return absl::OkStatus();
}

using Index = std::map<std::string, int, std::less<>>;

absl::Status Resolve(const Reader& reader, const char* name, const Index& index, std::vector<int>* out) {
  std::vector<std::string> ids;
  PRECIS_RETURN_IF_ERROR(reader.Texts(name, &ids));
  for (const std::string& id : ids) {
    const auto found = index.find(id);
    if (found == index.end()) return reader.Error(absl::StrCat("'", name, "' has '", id, "', which is no document"));
    out->push_back(found->second);
  }
  return absl::OkStatus();
}

absl::Status ReadEvidence(const Reader& reader, const Index& index, const QuestionSet& set, Question* question) {
  const auto found = reader.object().find("evidence");
  if (found == reader.object().end() || found->is_null()) return absl::OkStatus();
  if (!found->is_array()) return reader.Error("'evidence' must be a list");
  for (const json& item : *found) {
    if (!item.is_object() || !item.contains("document") || !item["document"].is_string()) {
      return reader.Error("'evidence' needs objects with document, begin and end");
    }
    const std::string id = item["document"].get<std::string>();
    const auto document = index.find(id);
    if (document == index.end()) return reader.Error(absl::StrCat("'evidence' has '", id, "', which is no document"));
    Evidence evidence{document->second, 0, 0};
    PRECIS_RETURN_IF_ERROR(reader.Number("begin", item, &evidence.begin));
    PRECIS_RETURN_IF_ERROR(reader.Number("end", item, &evidence.end));
    const int64_t size = static_cast<int64_t>(set.documents[document->second].text.size());
    if (evidence.begin < 0 || evidence.end < evidence.begin || evidence.end > size) {
      return reader.Error(absl::StrCat("evidence ", evidence.begin, "..", evidence.end, " lies outside document '", id,
                                       "' of ", size, " bytes"));
    }
    question->evidence.push_back(evidence);
  }
  return absl::OkStatus();
}

// A set whose questions have no members for it names the place in their group: "length=4000 depth=0.75".
void PlaceFromGroup(Question* question) {
  const auto number = [&](const std::string& name) {
    const size_t at = question->group.find(name);
    return at == std::string::npos ? -1.0 : std::strtod(question->group.c_str() + at + name.size(), nullptr);
  };
  const double length = number("length="), depth = number("depth=");
  if (length < 0 || depth < 0) return;
  question->length = static_cast<int64_t>(length);
  question->depth = std::lround(depth * 100);
}

absl::Status ReadOpinions(const Reader& reader, Document* document) {
  const auto found = reader.object().find("sentences");
  if (found == reader.object().end() || found->is_null()) return absl::OkStatus();
  if (!found->is_array()) return reader.Error("'sentences' must be a list");
  for (const json& item : *found) {
    if (!item.is_object()) return reader.Error("'sentences' needs objects with begin, end and sentiment");
    Opinion opinion{};
    PRECIS_RETURN_IF_ERROR(reader.Number("begin", item, &opinion.begin));
    PRECIS_RETURN_IF_ERROR(reader.Number("end", item, &opinion.end));
    PRECIS_RETURN_IF_ERROR(reader.Real("sentiment", item, &opinion.sentiment));
    if (opinion.begin < 0 || opinion.end < opinion.begin || opinion.end > static_cast<int64_t>(document->text.size())) {
      return reader.Error("a sentence lies outside its document");
    }
    document->sentences.push_back(opinion);
  }
  return absl::OkStatus();
}

absl::Status ReadQuestion(const Reader& reader, const Index& index, const QuestionSet& set, Question* question) {
  PRECIS_RETURN_IF_ERROR(reader.Text("id", true, &question->id));
  PRECIS_RETURN_IF_ERROR(reader.Text("question", true, &question->question));
  if (question->question.size() > kMaxQuestionBytes) {
    return reader.Error(absl::StrCat("the question has ", question->question.size(), " bytes, at most ",
                                     kMaxQuestionBytes, " are allowed"));
  }
  PRECIS_RETURN_IF_ERROR(reader.Texts("answers", &question->answers));
  if (question->answers.size() > kMaxAnswers) return reader.Error("more than 1,000 answers");
  for (const std::string& answer : question->answers) {
    if (answer.empty() || answer.size() > kMaxAnswerBytes) return reader.Error("an answer is empty or above 4 KiB");
  }
  PRECIS_RETURN_IF_ERROR(reader.Text("overlap", false, &question->overlap));
  PRECIS_RETURN_IF_ERROR(reader.Text("split", false, &question->split));
  PRECIS_RETURN_IF_ERROR(reader.Text("corpus", false, &question->corpus));
  PRECIS_RETURN_IF_ERROR(reader.Text("group", false, &question->group));
  if (const auto found = reader.object().find("answerable"); found != reader.object().end()) {
    if (!found->is_boolean()) return reader.Error("'answerable' must be true or false");
    question->answerable = found->get<bool>();
  }
  for (const auto& [name, out] :
       {std::pair{"sentiment", &question->sentiment}, std::pair{"minority", &question->minority}}) {
    if (reader.object().contains(name)) PRECIS_RETURN_IF_ERROR(reader.Real(name, reader.object(), out));
  }
  PlaceFromGroup(question);
  for (const auto& [name, out] : {std::pair{"length", &question->length}, std::pair{"depth", &question->depth}}) {
    if (reader.object().contains(name)) PRECIS_RETURN_IF_ERROR(reader.Number(name, reader.object(), out));
  }
  PRECIS_RETURN_IF_ERROR(Resolve(reader, "gold_documents", index, &question->gold_documents));
  PRECIS_RETURN_IF_ERROR(Resolve(reader, "passages", index, &question->passages));
  PRECIS_RETURN_IF_ERROR(Resolve(reader, "exclude_documents", index, &question->exclude_documents));
  return ReadEvidence(reader, index, set, question);
}

}  // namespace

absl::StatusOr<QuestionSet> LoadQuestionSet(const std::string& folder) {
  const std::string set_path = folder + "/set.json", documents_path = folder + "/documents.jsonl",
                    questions_path = folder + "/questions.jsonl";
  QuestionSet set;
  PRECIS_ASSIGN_OR_RETURN(const std::string set_bytes, ReadFile(set_path, kMaxSetBytes));
  const json head = json::parse(set_bytes, nullptr, false);
  if (!head.is_object()) return absl::InvalidArgumentError(absl::StrCat(set_path, ": not a JSON object"));
  const Reader reader(set_path, 0, head);
  int64_t format = 0;
  PRECIS_RETURN_IF_ERROR(reader.Number("format", head, &format));
  if (format != 1) return reader.Error(absl::StrCat("format ", format, " is not known, this program reads format 1"));
  PRECIS_RETURN_IF_ERROR(reader.Text("name", true, &set.name));
  PRECIS_RETURN_IF_ERROR(reader.Text("description", false, &set.description));
  PRECIS_RETURN_IF_ERROR(reader.Text("task", false, &set.task));

  Index documents;
  {
    PRECIS_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(documents_path, kMaxDocumentsBytes));
    set.documents_fingerprint = Sha256Hex(bytes);
    PRECIS_RETURN_IF_ERROR(ReadLines(documents_path, bytes, [&](const Reader& line) -> absl::Status {
      Document document;
      PRECIS_RETURN_IF_ERROR(line.Text("id", true, &document.id));
      PRECIS_RETURN_IF_ERROR(line.Text("uri", false, &document.uri));
      PRECIS_RETURN_IF_ERROR(line.Text("title", false, &document.title));
      PRECIS_RETURN_IF_ERROR(line.Text("text", false, &document.text));
      PRECIS_RETURN_IF_ERROR(line.Text("corpus", false, &document.corpus));
      PRECIS_RETURN_IF_ERROR(ReadOpinions(line, &document));
      if (!documents.emplace(document.id, static_cast<int>(set.documents.size())).second) {
        return line.Error(absl::StrCat("document '", document.id, "' is there twice"));
      }
      set.documents.push_back(std::move(document));
      return absl::OkStatus();
    }));
  }
  PRECIS_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(questions_path, kMaxQuestionsBytes));
  set.fingerprint = Hasher().Field(set_bytes).Field(set.documents_fingerprint).Field(Sha256Hex(bytes)).FinishHex();
  Index questions;
  PRECIS_RETURN_IF_ERROR(ReadLines(questions_path, bytes, [&](const Reader& line) -> absl::Status {
    Question question;
    PRECIS_RETURN_IF_ERROR(ReadQuestion(line, documents, set, &question));
    if (!questions.emplace(question.id, 0).second) {
      return line.Error(absl::StrCat("question '", question.id, "' is there twice"));
    }
    set.questions.push_back(std::move(question));
    return absl::OkStatus();
  }));
  if (set.questions.empty()) return absl::InvalidArgumentError(absl::StrCat(questions_path, ": no question"));
  return set;
}

std::vector<int> ChooseQuestions(const QuestionSet& set, const QuestionChoice& choice) {
  std::vector<std::pair<std::string, int>> drawn;
  for (size_t i = 0; i < set.questions.size(); ++i) {
    const Question& question = set.questions[i];
    if (!choice.split.empty() && choice.split != "all" && question.split != choice.split) continue;
    if (!choice.overlap.empty() && question.overlap != choice.overlap) continue;
    if (choice.answerable_only && !question.answerable) continue;
    drawn.emplace_back(Hasher().Field(static_cast<int64_t>(choice.seed)).Field(question.id).FinishHex(),
                       static_cast<int>(i));
  }
  std::sort(drawn.begin(), drawn.end());
  if (choice.limit > 0 && drawn.size() > static_cast<size_t>(choice.limit)) drawn.resize(choice.limit);
  std::vector<int> chosen;
  for (const auto& [hash, index] : drawn) chosen.push_back(index);
  return chosen;
}

}  // namespace precis::eval
