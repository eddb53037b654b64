// precis eval: methods x budgets over a question set, against a running server. See clients/eval/README.md.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/cmd_eval_backend.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "eval/needles.h"
#include "eval/plots.h"
#include "eval/prompts.h"
#include "eval/report.h"
#include "eval/runner.h"
#include "precis/base/file.h"

namespace precis::cli {
namespace {

struct Flags {
  std::string set, output, style = "short", mode = "hybrid", split = "heldout", overlap;
  std::vector<std::string> methods = {eval::kNone,     "truncate", eval::kRandom, eval::kWhole, eval::kBm25Sentence,
                                      eval::kBm25Fill, "lexical",  "extractive",  "auto"};
  std::vector<std::string> budgets = {"4x", "10x"}, generators, protect;
  std::vector<double> prices;
  int top_k = 10, limit = 0, max_answer_tokens = 64;
  uint64_t seed = 1;
  bool answerable = false, no_generate = false, no_score = false, no_timings = false, keep = false, bars = false,
       save_contexts = false, no_progress = false;
  eval::NeedlePlan needles;
};

class EvalRun {
 public:
  EvalRun(const Globals& globals, const Flags& flags)
      : globals_(globals), flags_(flags), backend_(MakeEvalBackend(globals)) {}

  int Run() {
    if (const int code = Prepare(); code != kExitOk) return code;
    absl::Status status = OpenServer();
    for (size_t i = 0; status.ok() && i < generators_.size(); ++i) status = RunGenerator(generators_[i]);
    if (!status.ok()) return Stopped(status);
    if (!collection_.empty() && !flags_.keep) {
      if (const absl::Status dropped = backend_->DropCollection(collection_); !dropped.ok()) {
        Note(absl::StrCat("the collection '", collection_, "' stays: ", dropped.message()));
      }
    }
    return Report();
  }

 private:
  // All that needs no server.
  int Prepare() {
    const auto usage = [&](const absl::Status& status) {
      return Fail(globals_, std::string(status.message()), kExitUsage);
    };
    for (const std::string& text : flags_.budgets) {
      const auto budget = eval::ParseBudget(text);
      if (!budget.ok()) return usage(budget.status());
      settings_.budgets.push_back(*budget);
    }
    for (const std::string& part : flags_.methods) {
      // "lingua:a=1,b=2" was cut at its comma.
      const bool goes_on = !settings_.methods.empty() && part.find('=') < part.find_first_of(":|");
      if (goes_on) {
        absl::StrAppend(&settings_.methods.back(), ",", part);
      } else {
        settings_.methods.push_back(part);
      }
    }
    settings_.protect = flags_.protect;
    settings_.split = flags_.split;
    settings_.overlap = flags_.overlap;
    settings_.answerable_only = flags_.answerable;
    settings_.mode = flags_.mode;
    settings_.top_k = flags_.top_k;
    settings_.limit = flags_.limit;
    settings_.max_answer_tokens = flags_.max_answer_tokens;
    settings_.seed = flags_.seed;
    settings_.generate = !flags_.no_generate;
    settings_.timings = !flags_.no_timings;
    if (flags_.no_score) settings_.max_scored_answers = 0;
    settings_.save_contexts = flags_.save_contexts;
    settings_.style = flags_.style == "cited" ? eval::Style::kCited : eval::Style::kShort;
    if (!flags_.prices.empty()) {
      settings_.input_price = flags_.prices[0];
      settings_.output_price = flags_.prices[1];
    }
    auto set = eval::LoadQuestionSet(flags_.set);
    if (!set.ok()) return Fail(globals_, std::string(set.status().message()), kExitFailed);
    set_ = *std::move(set);
    questions_ = eval::ChooseQuestions(
        set_, {settings_.split, settings_.overlap, settings_.answerable_only, settings_.limit, settings_.seed});
    if (questions_.empty()) {
      return Fail(globals_,
                  absl::StrCat(flags_.set, " has no question of the split '", settings_.split,
                               "' that --overlap and --answerable let in: name another with --split, or --split all"),
                  kExitUsage);
    }
    output_ = flags_.output.empty() ? "eval-" + eval::FileName(set_.name) : flags_.output;
    return kExitOk;
  }

  // Models, methods and the collection.
  absl::Status OpenServer() {
    const auto methods = backend_->Methods();
    if (!methods.ok()) return methods.status();
    methods_ = *methods;
    for (const std::string& method : settings_.methods) {
      if (eval::IsOwnMethod(method)) continue;
      for (const std::string& step : eval::StepNames(method)) {
        if (methods_.count(step) > 0) continue;
        return absl::NotFoundError(absl::StrCat(
            "method '", step,
            "' is neither the harness's (closed, none, whole, bm25-sentence, bm25-fill, random) nor one "
            "that the server can run now (",
            absl::StrJoin(methods_, ", ", [](std::string* out, const auto& each) { *out += each.first; }), ")"));
      }
    }
    const auto encoder = backend_->EncoderFingerprint();
    if (!encoder.ok()) return encoder.status();
    encoder_ = *encoder;
    std::vector<std::string> names = flags_.generators;
    if (names.empty()) names.emplace_back();
    for (const std::string& name : names) {
      const auto generator = backend_->LoadGenerator(name);
      if (!generator.ok()) return generator.status();
      generators_.push_back(*generator);
      generator_names_.push_back(generator->name);
    }
    for (int index : questions_) {
      if (set_.questions[index].passages.empty()) {
        collection_ = absl::StrCat("eval-", eval::FileName(set_.name).substr(0, 64), "-",
                                   set_.documents_fingerprint.substr(0, 8));
      }
    }
    if (collection_.empty()) return absl::OkStatus();
    Progress progress("indexing", static_cast<int64_t>(set_.documents.size()), Shows());
    return backend_->Ingest(collection_, set_,
                            [&](int done) { progress.Update(done, absl::StrCat(done, " documents")); });
  }

  absl::Status RunGenerator(const eval::ModelIdentity& generator) {
    // All that makes rows comparable. Methods and budgets are told apart row by row, prices come in later.
    nlohmann::ordered_json identity{{"set", set_.fingerprint},
                                    {"generator", generator.fingerprint},
                                    {"tokenizer", generator.tokenizer_fingerprint},
                                    {"encoder", encoder_},
                                    {"prompts", eval::kPromptVersion},
                                    {"style", flags_.style},
                                    {"generate", settings_.generate},
                                    {"timings", settings_.timings},
                                    {"scored_answers", settings_.max_scored_answers},
                                    {"max_answer_tokens", settings_.max_answer_tokens},
                                    {"seed", settings_.seed},
                                    {"top_k", settings_.top_k},
                                    {"mode", settings_.mode},
                                    {"protect", settings_.protect}};
    auto log =
        eval::RunLog::Open(output_, generator.name, identity, [&](const std::string& sentence) { Note(sentence); });
    if (!log.ok()) return log.status();
    const eval::RunInput input{&set_, &settings_, questions_, generator, methods_, collection_};
    std::unique_ptr<Progress> bar;
    const absl::Status status = eval::RunEvaluation(
        *backend_, input, **log,
        [&](int64_t done, int64_t total, const std::string& what) {
          if (bar == nullptr) bar = std::make_unique<Progress>(generator.name, total, Shows());
          bar->Update(done, absl::StrCat(done, " of ", total, " rows, ", OneLine(what, 40)));
          return !Interrupted();
        },
        &counts_);
    bar.reset();
    fingerprints_.push_back((*log)->fingerprint());
    paths_.push_back((*log)->path());
    for (const eval::Row& row : (*log)->rows()) {
      // Rows of an older algorithm are in the file, and are not this run's.
      if (row.version == eval::MethodVersion(row.method, methods_)) rows_.push_back(row);
    }
    return status;
  }

  int Stopped(const absl::Status& status) {
    const int64_t rows = counts_.done + counts_.skipped;
    if (absl::IsCancelled(status) || absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
      std::string sentence = absl::StrCat(status.message(), ": ", rows, " rows are stored in ", output_,
                                          "; the same command goes on from there");
      if (!collection_.empty()) absl::StrAppend(&sentence, ", and the collection '", collection_, "' stays until then");
      return Fail(globals_, sentence, kExitPartlyFailed);
    }
    return Fail(globals_, std::string(status.message()), absl::IsNotFound(status) ? kExitUsage : kExitFailed);
  }

  int Report() {
    eval::Report report;
    report.set = &set_;
    report.settings = &settings_;
    report.generators = generator_names_;
    report.run_fingerprints = fingerprints_;
    report.rows_paths = paths_;
    report.questions = static_cast<int>(questions_.size());
    for (int index : questions_) report.answerable += set_.questions[index].answerable;
    report.summary = eval::Summarize(set_, questions_, settings_, generator_names_, rows_);
    report.bars = eval::JudgeBars(report.summary, settings_, generator_names_);
    std::map<std::string, std::string> files = eval::Plots(report);
    files["results.json"] = eval::ResultsJson(report);
    files["table.md"] = eval::TableMarkdown(report);
    for (const auto& [name, content] : files) {
      if (const absl::Status status = WriteFileDurably(output_ + "/" + name, content); !status.ok()) {
        return Fail(globals_, std::string(status.message()), kExitFailed);
      }
    }
    if (globals_.json) {
      std::printf("%s", eval::ResultsJson(report, -1).c_str());
    } else {
      Print(report);
    }
    if (flags_.bars) {
      for (const eval::Bar& bar : report.bars) {
        if (bar.verdict == eval::Verdict::kFails) return kExitFailed;
      }
    }
    return counts_.failed > 0 ? kExitPartlyFailed : kExitOk;
  }

  void Print(const eval::Report& report) const {
    std::printf("%s: %s\n", Styled(OneLine(set_.name, 80), Style::kBold, STDOUT_FILENO).c_str(),
                OneLine(eval::Coverage(report), 2000).c_str());
    for (const std::string& generator : generator_names_) {
      const eval::ReportTable shown = eval::MakeTable(report, generator, report.summary.headline);
      if (shown.rows.empty()) continue;
      std::printf("\n%s\n", Styled(OneLine(generator, 80), Style::kCyan, STDOUT_FILENO).c_str());
      Table table(shown.headers);
      for (const auto& row : shown.rows) table.AddRow(row);
      table.Print();
    }
    if (flags_.bars) {
      std::printf("\n");
      for (const eval::Bar& bar : report.bars) {
        const Style style = bar.verdict == eval::Verdict::kFails   ? Style::kRed
                            : bar.verdict == eval::Verdict::kHolds ? Style::kGreen
                                                                   : Style::kYellow;
        std::printf("%s\n",
                    Styled(absl::StrCat(bar.generator, ": ", eval::Sentence(bar)), style, STDOUT_FILENO).c_str());
      }
    }
    std::printf("\n%s rows measured, %s stored before, %s failed; tables, results and plots are in %s\n",
                WithThousands(counts_.done).c_str(), WithThousands(counts_.skipped).c_str(),
                WithThousands(counts_.failed).c_str(), output_.c_str());
    for (const eval::Row& row : rows_) {
      if (row.error.empty()) continue;
      std::printf("failed: %s %s %s: %s\n", OneLine(row.question, 60).c_str(), OneLine(row.method, 40).c_str(),
                  row.budget.c_str(), OneLine(row.error, 300).c_str());
      break;  // the others are in the rows file
    }
  }

  bool Shows() const { return !flags_.no_progress && !globals_.json; }
  void Note(const std::string& sentence) const {
    if (!globals_.json) std::fprintf(stderr, "%s\n", Printable(sentence).c_str());
  }

  const Globals& globals_;
  const Flags& flags_;
  const std::unique_ptr<eval::Backend> backend_;
  eval::Settings settings_;
  eval::QuestionSet set_;
  std::vector<int> questions_;
  std::string output_, encoder_, collection_;
  std::map<std::string, int> methods_;
  std::vector<eval::ModelIdentity> generators_;
  std::vector<std::string> generator_names_, fingerprints_, paths_;
  std::vector<eval::Row> rows_;
  eval::RunCounts counts_;
};

int RunNeedles(const Globals& globals, Flags& flags) {
  if (flags.output.empty()) flags.output = "eval-needles";
  flags.set = flags.output + "/set";
  flags.split = "all";
  flags.needles.seed = flags.seed;
  const auto backend = MakeEvalBackend(globals);
  const auto generator = backend->LoadGenerator(flags.generators.empty() ? "" : flags.generators[0]);
  if (!generator.ok()) return Fail(globals, std::string(generator.status().message()), kExitFailed);
  const absl::Status status = eval::MakeNeedles(
      flags.needles, flags.set, [&](const std::string& text) { return backend->CountTokens(generator->name, text); });
  if (!status.ok()) {
    const bool usage = absl::IsInvalidArgument(status) || absl::IsNotFound(status);
    return Fail(globals, std::string(status.message()), usage ? kExitUsage : kExitFailed);
  }
  return EvalRun(globals, flags).Run();
}

void AddOptions(CLI::App* command, Flags* flags) {
  command
      ->add_option("-m,--methods", flags->methods,
                   "Of the harness: none (the full context), whole, bm25-sentence, bm25-fill, random; of the server: "
                   "names, NAME:KEY=VALUE, chains as 'extractive | lingua'. The full context and no context at all "
                   "(closed) always run")
      ->delimiter(',');
  command->add_option("-b,--budgets", flags->budgets, "Tokens (256) or cuts of the full context (4x)")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("-g,--generators", flags->generators, "Models that answer and score (default: the server's)")
      ->delimiter(',');
  command->add_option("-k,--top-k", flags->top_k, "Candidates, where a question has none of its own")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command->add_option("--mode", flags->mode, "How to search for them")
      ->capture_default_str()
      ->check(CLI::IsMember({"hybrid", "dense", "keyword"}));
  command->add_option("-n,--limit", flags->limit, "Questions at most, drawn by the seed; 0: all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--seed", flags->seed, "Of the draw, of random deletion and of the bootstrap")
      ->capture_default_str();
  command->add_option("--style", flags->style, "short: answers in few words; cited: as ask words them, with marks")
      ->capture_default_str()
      ->check(CLI::IsMember({"short", "cited"}));
  command->add_option("--max-answer-tokens", flags->max_answer_tokens, "Tokens of an answer at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command->add_option("--protect", flags->protect, "Keep all of: numbers, negations, identifiers, quotations")
      ->delimiter(',')
      ->check(CLI::IsMember({"numbers", "negations", "identifiers", "quotations"}));
  command->add_option("--prices", flags->prices, "Of a million tokens, IN,OUT: adds what a question costs")
      ->delimiter(',')
      ->expected(2)
      ->check(CLI::NonNegativeNumber);
  command->add_option("-o,--output", flags->output,
                      "Folder for rows, results.json, table.md and plots (default: eval-NAME); the same command again "
                      "goes on where it stopped");
  command->add_flag("--answerable", flags->answerable, "Only questions that have an answer");
  command->add_flag("--no-generate", flags->no_generate, "Likelihood of the gold answers only, which is cheaper");
  command->add_flag(
      "--no-score", flags->no_score,
      "No likelihoods; with --no-generate only the contexts are judged, and the model counts tokens alone");
  command->add_flag("--no-timings", flags->no_timings, "Measure no times; caches may then answer");
  command->add_flag("--save-contexts", flags->save_contexts, "Put the contexts into the rows");
  command->add_flag("--keep", flags->keep, "Keep the collection that was made for the search");
  command->add_flag("--bars", flags->bars, "Say which bars hold; exit code 1 when one fails");
  command->add_flag("--no-progress", flags->no_progress, "No progress bar");
}

}  // namespace

void AddEval(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand(
      "eval",
      "Measure compression on a question set: quality, tokens and time of each method and budget, beside the full "
      "context, no context, and what people do without a compressor. Exit code 3: rows failed, or it was interrupted.");
  command->add_option("set", flags->set, "Folder with set.json, documents.jsonl and questions.jsonl");
  command->add_option("--split", flags->split, "heldout, dev, or all")->capture_default_str();
  command->add_option("--overlap", flags->overlap, "Only questions whose words overlap so with the evidence's")
      ->check(CLI::IsMember({"low", "middle", "high"}));
  AddOptions(command, flags.get());
  auto needle_flags = std::make_shared<Flags>();
  CLI::App* needles = command->add_subcommand(
      "needles", "Needle in a haystack: make a set of made-up facts at given depths of your texts, and run it");
  needle_flags->needles.lengths = {1000, 2000, 4000};
  needle_flags->needles.depths = {0, 25, 50, 75, 100};
  needles->add_option("--haystack", needle_flags->needles.haystack, "Folder with .txt and .md files")->required();
  needles->add_option("--lengths", needle_flags->needles.lengths, "Tokens of the haystacks")
      ->delimiter(',')
      ->capture_default_str();
  needles->add_option("--depths", needle_flags->needles.depths, "Percent")->delimiter(',')->capture_default_str();
  needles->add_option("--repeats", needle_flags->needles.repeats, "Needles for each length and depth")
      ->capture_default_str()
      ->check(CLI::Range(1, 100));
  needles->add_option("--passage-tokens", needle_flags->needles.passage_tokens, "Tokens of a passage, about")
      ->capture_default_str()
      ->check(CLI::Range(20, 100'000));
  AddOptions(needles, needle_flags.get());
  needles->callback([&globals, needle_flags, run] {
    *run = [&globals, needle_flags] { return RunNeedles(globals, *needle_flags); };
  });
  command->callback([&globals, flags, needles, run] {
    if (needles->parsed()) return;
    *run = [&globals, flags] {
      if (flags->set.empty()) return Fail(globals, "name the folder of a question set", kExitUsage);
      return EvalRun(globals, *flags).Run();
    };
  });
}

}  // namespace precis::cli
