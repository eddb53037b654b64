// precis ask QUESTION: a streamed answer with citations and a receipt.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/receipt.h"
#include "cli/terminal.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "precis/base/status_macros.h"

namespace precis::cli {
namespace {

struct Flags {
  std::vector<std::string> questions, more_questions;
  std::string questions_file, turns_file;
  std::string collection = "default", model;
  std::vector<std::string> capsules;
  SearchFlags search;
  CompressionFlags compression;
  int max_tokens = 0, rounds = 0;
  bool together = false;
  double temperature = 0;
  uint64_t seed = 0;
  bool no_cache = false, show_context = false, always = false, measure = false;
};

v1::AskRequest MakeRequest(const Globals& globals, const Flags& flags) {
  v1::AskRequest request;
  request.set_tenant(globals.tenant);
  request.set_collection(flags.collection);
  request.set_question(flags.questions[0]);
  for (size_t i = 1; i < flags.questions.size(); ++i) request.add_further_questions(flags.questions[i]);
  request.set_generator_model(flags.model);
  for (const std::string& capsule : flags.capsules) request.add_capsules(capsule);
  request.set_max_answer_tokens(flags.max_tokens);
  if (flags.temperature > 0) {
    request.mutable_sampling()->set_temperature(static_cast<float>(flags.temperature));
    request.mutable_sampling()->set_seed(flags.seed);
  }
  if (flags.no_cache) request.set_cache_policy(v1::CACHE_POLICY_BYPASS);
  request.set_answer_always(flags.always);
  if (flags.together) request.set_question_mode(v1::QUESTION_MODE_TOGETHER);
  request.set_question_rounds(flags.rounds);
  request.set_measure_evidence(flags.measure);
  request.set_include_context(flags.show_context || globals.json);
  return request;
}

// Questions of the arguments, of -q and of the file, in this order; of one given as @FILE or - its text.
absl::Status ReadQuestions(Flags* flags) {
  std::vector<std::string> questions;
  for (const auto* some : {&flags->questions, &flags->more_questions}) {
    for (const std::string& argument : *some) {
      PRECIS_ASSIGN_OR_RETURN(std::string question, ReadTextArgument(argument));
      questions.push_back(std::move(question));
    }
  }
  if (!flags->questions_file.empty()) {
    PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadTextArgument("@" + flags->questions_file));
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      line = absl::StripAsciiWhitespace(line);
      if (!line.empty()) questions.emplace_back(line);
    }
  }
  if (questions.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("'", flags->questions_file, "' has no question: write one a line"));
  }
  flags->questions = std::move(questions);
  return absl::OkStatus();
}

std::string Field(const google::protobuf::Struct& object, const char* name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? "" : found->second.string_value();
}

// Lines of {"role": "user" or "assistant", "content": "..."}, as chat programs keep them.
absl::Status ReadTurns(const std::string& path, v1::AskRequest* request) {
  if (path.empty()) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadTextArgument("@" + path));
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    google::protobuf::Struct turn;
    const bool read = google::protobuf::util::JsonStringToMessage(std::string(line), &turn).ok();
    const std::string role = read ? Field(turn, "role") : std::string();
    if (role != "user" && role != "assistant") {
      return absl::InvalidArgumentError(
          absl::StrCat("'", path, "' line ", number,
                       " is no turn: write {\"role\": \"user\", \"content\": \"...\"}, user and assistant in turn"));
    }
    v1::ChatMessage* message = request->add_turns();
    message->set_role(role == "user" ? v1::CHAT_ROLE_USER : v1::CHAT_ROLE_ASSISTANT);
    message->set_content(Field(turn, "content"));
  }
  return absl::OkStatus();
}

// Prints the events for a person as they come, and the sources at the end.
class Printer {
 public:
  explicit Printer(const Flags& flags) : flags_(flags) {}

  void Take(const v1::AskResponse& event) {
    switch (event.event_case()) {
      case v1::AskResponse::kDelta:
        Delta(event.delta());
        break;
      case v1::AskResponse::kCitation:
        Remember(event.citation());
        break;
      case v1::AskResponse::kUnsupported:
        unsupported_.push_back(event.unsupported());
        break;
      case v1::AskResponse::kReceipt:
        receipt_ = event.receipt();
        break;
      case v1::AskResponse::kUsage:
        usage_ = event.usage();
        break;
      default:
        break;
    }
  }

  void Finish() {
    std::printf("\n\n");
    Sources();
    Unsupported();
    if (receipt_.has_receipt()) PrintReceipt(receipt_.receipt());
    if (receipt_.has_talk_receipt()) {
      const v1::Receipt& talk = receipt_.talk_receipt();
      std::printf("%s  %s tokens of earlier turns in, %s out%s\n", Styled("Talk", Style::kBold, STDOUT_FILENO).c_str(),
                  WithThousands(talk.tokens_in()).c_str(), WithThousands(talk.tokens_out()).c_str(),
                  talk.plan().empty() ? "" : ("; " + OneLine(talk.plan(), 200)).c_str());
      for (const auto& warning : talk.warnings()) {
        std::printf("  %s %s\n", Styled("note", Style::kYellow, STDOUT_FILENO).c_str(), OneLine(warning, 300).c_str());
      }
    }
    const auto& tokens = usage_.tokens();
    std::printf("%s  prompt %s tokens (%s from the prefix cache), answer %s; first token %s, total %s\n",
                Styled("Usage", Style::kBold, STDOUT_FILENO).c_str(), WithThousands(tokens.prompt_tokens()).c_str(),
                WithThousands(tokens.cached_prompt_tokens()).c_str(), WithThousands(tokens.completion_tokens()).c_str(),
                HumanDuration(static_cast<double>(usage_.time_to_first_token_us()) * 1e-6).c_str(),
                HumanDuration(static_cast<double>(usage_.total_us()) * 1e-6).c_str());
    for (const auto& note : usage_.notes()) {
      std::printf("  %s %s\n", Styled("note", Style::kYellow, STDOUT_FILENO).c_str(), OneLine(note, 300).c_str());
    }
    if (flags_.show_context) {
      std::printf("\n%s\n%s\n", Styled("Context", Style::kBold, STDOUT_FILENO).c_str(),
                  Printable(receipt_.context().text()).c_str());
    }
  }

 private:
  void Delta(const v1::AnswerDelta& delta) {
    if (delta.question_index() != question_ && flags_.questions.size() > 1) {
      question_ = delta.question_index();
      const auto index = static_cast<size_t>(question_);
      std::printf("%s%s\n", answers_.empty() ? "" : "\n\n",
                  Styled(index < flags_.questions.size() ? Printable(flags_.questions[index]) : "?", Style::kBold,
                         STDOUT_FILENO)
                      .c_str());
    }
    if (delta.restarts()) {
      std::printf("\n%s ", Styled("(again)", Style::kDim, STDOUT_FILENO).c_str());
      answers_[question_].clear();
      std::erase_if(citations_, [&](const auto& citation) { return citation.question_index() == question_; });
      std::erase_if(unsupported_, [&](const auto& sentence) { return sentence.question_index() == question_; });
    }
    answers_[delta.question_index()] += delta.text();
    std::printf("%s", Printable(delta.text()).c_str());
    std::fflush(stdout);
  }

  void Remember(const v1::Citation& citation) { citations_.push_back(citation); }

  // A line for each place, however many sentences it supports.
  void Sources() {
    if (citations_.empty()) return;
    std::printf("%s\n", Styled("Sources", Style::kBold, STDOUT_FILENO).c_str());
    std::map<std::pair<int, std::string>, std::vector<const v1::Citation*>> places;
    std::vector<const v1::Citation*> firsts;  // in the order of the answers
    for (const auto& citation : citations_) {
      auto& cited = places[{citation.passage_index(), Place(citation.uri(), citation.location())}];
      if (cited.empty()) firsts.push_back(&citation);
      cited.push_back(&citation);
    }
    for (const v1::Citation* first : firsts) {
      const std::string place = Place(first->uri(), first->location());
      const size_t more = places[{first->passage_index(), place}].size() - 1;
      std::string what = "for: " + OneLine(AnswerText(first->question_index(), first->answer_range()), 60);
      if (more > 0) what += " (and " + Counted(static_cast<int64_t>(more), "more sentence") + ")";
      std::printf("  %s %s  %s\n",
                  Styled("[" + std::to_string(first->passage_index() + 1) + "]", Style::kGreen, STDOUT_FILENO).c_str(),
                  Styled(place, Style::kCyan, STDOUT_FILENO).c_str(), Styled(what, Style::kDim, STDOUT_FILENO).c_str());
    }
  }

  void Unsupported() {
    for (const auto& sentence : unsupported_) {
      std::printf("  %s %s\n", Styled("[unsupported]", Style::kYellow, STDOUT_FILENO).c_str(),
                  OneLine(AnswerText(sentence.question_index(), sentence.answer_range()), 80).c_str());
    }
  }

  std::string AnswerText(int question, const v1::ByteRange& range) {
    const std::string& answer = answers_[question];
    if (range.begin() < 0 || range.end() < range.begin() || range.end() > static_cast<int64_t>(answer.size()))
      return "";
    return answer.substr(static_cast<size_t>(range.begin()), static_cast<size_t>(range.end() - range.begin()));
  }

  const Flags& flags_;
  int question_ = -1;
  std::map<int, std::string> answers_;
  std::vector<v1::Citation> citations_;
  std::vector<v1::UnsupportedSentence> unsupported_;
  v1::AskReceipt receipt_;
  v1::AskUsage usage_;
};

int RunAsk(const Globals& globals, const Flags& given) {
  if (given.questions.empty() && given.more_questions.empty() && given.questions_file.empty()) {
    return Fail(globals, "no question: give one, or --questions FILE with one a line", kExitUsage);
  }
  Flags flags = given;
  if (const absl::Status read = ReadQuestions(&flags); !read.ok()) {
    return Fail(globals, std::string(read.message()), kExitFailed);
  }
  v1::AskRequest request = MakeRequest(globals, flags);
  if (const absl::Status read = ReadTurns(flags.turns_file, &request); !read.ok()) {
    return Fail(globals, std::string(read.message()), kExitFailed);
  }
  absl::Status status = flags.search.Fill(request.mutable_search());
  if (status.ok()) status = flags.compression.Fill(request.mutable_compression());
  if (!status.ok()) return Fail(globals, std::string(status.message()), kExitUsage);
  Client client(globals);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  auto stream = client.pipeline->Ask(context.get(), request);
  Printer printer(flags);
  v1::AskResponse event;
  bool any = false;
  while (stream->Read(&event)) {
    any = true;
    if (globals.json) {
      PrintJson(event);
    } else {
      printer.Take(event);
    }
  }
  const grpc::Status finished = stream->Finish();
  if (!finished.ok()) {
    if (any && !globals.json) std::printf("\n");
    return Fail(globals, finished);
  }
  if (!globals.json) printer.Finish();
  return kExitOk;
}

}  // namespace

void AddAsk(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("ask", "Answer a question from a collection, with citations and a receipt");
  command->add_option("questions", flags->questions,
                      "The question (@FILE or - reads it); further ones are answered from the same context");
  command->add_option("-q,--question", flags->more_questions, "The same; may be repeated");
  command->add_option("--questions", flags->questions_file, "File with a question a line; at most 32 in all");
  command->add_flag("--together", flags->together,
                    "Several questions in one prompt with labelled answers, not one prompt each");
  command->add_option("--rounds", flags->rounds,
                      "With --together: ask that often, in another order each time, and vote (at most 9)");
  command->add_option("--turns", flags->turns_file,
                      "File with the talk so far, a line each: {\"role\": \"user\", \"content\": \"...\"}");
  command->add_option("-c,--collection", flags->collection, "Collection")->capture_default_str();
  command
      ->add_option("--capsule", flags->capsules,
                   "Put this capsule before the passages (see 'precis capsule'); may be given several times")
      ->allow_extra_args(false);
  command->add_option("--model", flags->model, "Generator (default: the server's)");
  flags->search.Add(command);
  flags->compression.Add(command);
  command->add_option("--max-tokens", flags->max_tokens, "Tokens of each answer at most (default: the server's)");
  command->add_option("--temperature", flags->temperature, "0 (default): the most likely token each time")
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--seed", flags->seed, "Same seed, same answer");
  command->add_flag("--no-cache", flags->no_cache, "Use no cache");
  command->add_flag("--answer-always,--always", flags->always, "Answer even if the passages do not hold the answer");
  command->add_flag("--measure-evidence", flags->measure,
                    "Measure all that speaks for an answer (with --json: usage.evidence)");
  command->add_flag("--show-context", flags->show_context, "Print the compressed context too");
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return RunAsk(globals, *flags); }; });
}

}  // namespace precis::cli
