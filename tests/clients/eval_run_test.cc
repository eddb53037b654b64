// Whole runs of the harness over the tiny set, with a server of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "eval/plots.h"
#include "eval/report.h"
#include "eval/runner.h"
#include "eval_fake.h"
#include "precis/base/file.h"
#include "source_file.h"

namespace precis::eval {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const RowProgress kQuiet = [](int64_t, int64_t, const std::string&) { return true; };

class EvalRunTest : public testing::Test {
 protected:
  EvalRunTest() {
    std::string pattern = testing::TempDir() + "/precis_eval_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    auto set = LoadQuestionSet(SourceFile("tests/clients/data/tiny_set"));
    EXPECT_TRUE(set.ok()) << set.status();
    set_ = *std::move(set);
    settings_.methods = {"none", "truncate", "whole", "bm25-sentence", "bm25-fill", "random", "auto"};
    settings_.budgets = {*ParseBudget("4x"), *ParseBudget("12")};
    questions_ = ChooseQuestions(set_, {"heldout"});
  }
  ~EvalRunTest() override { fs::remove_all(folder_); }

  std::unique_ptr<RunLog> OpenLog(const std::string& extra = "") {
    auto log = RunLog::Open(folder_, "fake", {{"set", set_.fingerprint}, {"extra", extra}},
                            [this](const std::string& sentence) { notices_.push_back(sentence); });
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }
  absl::Status Go(FakeBackend& backend, RunLog& log, const RowProgress& progress = kQuiet) {
    counts_ = {};
    const RunInput input{&set_, &settings_, questions_, {"fake", "fp", "words", 4096}, *backend.Methods(), "c"};
    return RunEvaluation(backend, input, log, progress, &counts_);
  }
  Report MakeReport(const RunLog& log) {
    Report report{&set_, &settings_, {"fake"}, {log.fingerprint()}, {log.path()}, static_cast<int>(questions_.size()),
                  5};
    report.summary = Summarize(set_, questions_, settings_, report.generators, log.rows(), 200);
    report.bars = JudgeBars(report.summary, settings_, report.generators);
    return report;
  }
  static double Value(const CellSummary* cell, Metric metric) { return cell->metrics[static_cast<int>(metric)].value; }
  static const Bar& Find(const Report& report, const std::string& name) {
    for (const Bar& bar : report.bars) {
      if (bar.name.find(name) != std::string::npos) return bar;
    }
    ADD_FAILURE() << "no bar " << name;
    return report.bars[0];
  }

  std::string folder_;
  QuestionSet set_;
  Settings settings_;
  std::vector<int> questions_;
  std::vector<std::string> notices_;
  RunCounts counts_;
};

TEST_F(EvalRunTest, EveryRowIsMeasuredAndTheKnownAnswersComeOut) {
  FakeBackend backend(&set_);
  auto log = OpenLog();
  ASSERT_TRUE(Go(backend, *log).ok());
  // closed and none, and five methods with a budget at two budgets.
  EXPECT_EQ(counts_.done, 6 * (2 + 2 * 6));
  const Report report = MakeReport(*log);
  const Stratum all{"all", ""};
  EXPECT_EQ(report.summary.headline, (Stratum{"overlap", "low"}));
  const CellSummary *closed = report.summary.Find("fake", kClosed, "-", all),
                    *full = report.summary.Find("fake", kNone, "-", all),
                    *first = report.summary.Find("fake", "truncate", "4x", all),
                    *best = report.summary.Find("fake", "auto", "4x", all);
  ASSERT_TRUE(closed != nullptr && full != nullptr && first != nullptr && best != nullptr);
  EXPECT_DOUBLE_EQ(Value(closed, Metric::kLogLikelihood), -3);
  EXPECT_DOUBLE_EQ(Value(full, Metric::kLogLikelihood), -0.25);
  EXPECT_DOUBLE_EQ(Value(full, Metric::kContains), 1);
  EXPECT_DOUBLE_EQ(Value(full, Metric::kExactMatch), 1);  // the marks are taken out
  EXPECT_DOUBLE_EQ(Value(closed, Metric::kRefused), 1);
  EXPECT_DOUBLE_EQ(Value(full, Metric::kFalseAnswer), 0);
  EXPECT_DOUBLE_EQ(Value(full, Metric::kEvidence), 1);
  // All five answerable questions are known from the full context and not without; the first words hold one answer.
  const int ll = static_cast<int>(Quality::kLogLikelihood);
  EXPECT_EQ(full->normalized[ll].n, 5);
  EXPECT_DOUBLE_EQ(full->normalized[ll].value, 1);
  EXPECT_DOUBLE_EQ(closed->normalized[ll].value, 0);
  EXPECT_DOUBLE_EQ(Value(first, Metric::kRetention), 0.2);
  EXPECT_DOUBLE_EQ(first->normalized[ll].value, 0.2);
  EXPECT_GT(best->normalized[ll].value, 0.2);
  EXPECT_DOUBLE_EQ(Value(best, Metric::kBudgetError), 0);
  EXPECT_DOUBLE_EQ(Value(best, Metric::kProvenance), 1);
  EXPECT_DOUBLE_EQ(Value(best, Metric::kCacheEqual), 1);
  EXPECT_DOUBLE_EQ(Value(best, Metric::kCompressMs), 10);
  EXPECT_DOUBLE_EQ(Value(best, Metric::kFirstTokenCachedMs), Value(best, Metric::kPrefillMs) + 1);
  EXPECT_EQ(Find(report, "beyond the budget").verdict, Verdict::kHolds);
  EXPECT_EQ(Find(report, "provenance").verdict, Verdict::kHolds);
  EXPECT_EQ(Find(report, "auto - lexical at 4x").verdict, Verdict::kNotMeasured);
  EXPECT_EQ(Find(report, "auto at 10x").verdict, Verdict::kNotMeasured);
}

TEST_F(EvalRunTest, AKilledRunGoesOnWhereItWasAndGivesTheSameRows) {
  settings_.timings = false;  // the fake's cache remembers the last call only
  FakeBackend whole(&set_);
  std::vector<std::string> expected;
  {
    auto log = OpenLog("whole");
    ASSERT_TRUE(Go(whole, *log).ok());
    for (const Row& row : log->rows()) expected.push_back(ToJson(row));
  }
  for (int calls : {1, 17, 60}) {
    FakeBackend dying(&set_);
    dying.calls_left = calls;
    auto log = OpenLog("killed");
    EXPECT_TRUE(absl::IsUnavailable(Go(dying, *log)));
    // A kill in the middle of a write leaves half a line.
    std::ofstream(log->path(), std::ios::app) << "{\"question\":\"q1\",\"meth";
  }
  auto log = OpenLog("killed");
  const int64_t stored = static_cast<int64_t>(log->rows().size());
  EXPECT_GT(stored, 5);
  FakeBackend backend(&set_);
  ASSERT_TRUE(Go(backend, *log).ok());
  EXPECT_EQ(counts_.skipped, stored);
  EXPECT_EQ(counts_.done + counts_.skipped, static_cast<int64_t>(expected.size()));
  EXPECT_LT(backend.generated, whole.generated);
  std::vector<std::string> got;
  for (const Row& row : log->rows()) got.push_back(ToJson(row));
  EXPECT_THAT(got, testing::UnorderedElementsAreArray(expected));
  // What is on disk is what is in memory.
  log.reset();
  EXPECT_EQ(OpenLog("killed")->rows().size(), expected.size());
}

TEST_F(EvalRunTest, AnInterruptEndsTheRunBetweenRows) {
  FakeBackend backend(&set_);
  auto log = OpenLog();
  int left = 4;
  EXPECT_TRUE(absl::IsCancelled(Go(backend, *log, [&](int64_t, int64_t, const std::string&) { return left-- > 0; })));
  EXPECT_EQ(log->rows().size(), 4u);
}

TEST_F(EvalRunTest, AnotherIdentityIsAnotherRunAndSaysSo) {
  FakeBackend backend(&set_);
  {
    auto log = OpenLog("one");
    ASSERT_TRUE(Go(backend, *log).ok());
    // Two runs at once would write the same rows.
    const auto second = RunLog::Open(folder_, "fake", {{"set", set_.fingerprint}, {"extra", "one"}}, [](auto&) {});
    EXPECT_THAT(std::string(second.status().message()), HasSubstr("another 'precis eval'"));
  }
  EXPECT_TRUE(notices_.empty());
  EXPECT_TRUE(OpenLog("two")->rows().empty());
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_THAT(notices_[0], HasSubstr("differs in: extra"));
  EXPECT_FALSE(OpenLog("one")->rows().empty());
}

TEST_F(EvalRunTest, ADamagedRowIsNamed) {
  std::string path;
  {
    auto log = OpenLog();
    path = log->path();
  }
  std::ofstream(path) << "{\"question\":\"q1\",\"method\":\"none\"}\nnot a row\n";
  const auto log = RunLog::Open(folder_, "fake", {{"set", set_.fingerprint}, {"extra", ""}}, [](auto&) {});
  EXPECT_THAT(std::string(log.status().message()), HasSubstr(":2: "));
}

TEST_F(EvalRunTest, AFailingMethodFailsItsRowsAloneAndIsTriedAgain) {
  FakeBackend backend(&set_);
  backend.failing_method = "truncate";
  auto log = OpenLog();
  ASSERT_TRUE(Go(backend, *log).ok());
  EXPECT_EQ(counts_.failed, 6 * 2);
  const CellSummary* cell = nullptr;
  const Report report = MakeReport(*log);
  cell = report.summary.Find("fake", "truncate", "4x", {"all", ""});
  ASSERT_NE(cell, nullptr);
  EXPECT_EQ(cell->failed, 6);
  EXPECT_EQ(cell->metrics[static_cast<int>(Metric::kLogLikelihood)].n, 0);
  backend.failing_method.clear();
  ASSERT_TRUE(Go(backend, *log).ok());
  EXPECT_EQ(counts_.done, 6 * 2);
  EXPECT_EQ(counts_.failed, 0);
  EXPECT_EQ(log->rows().size(), 6u * 14);
}

TEST_F(EvalRunTest, ABudgetThatIsExceededFailsItsBar) {
  FakeBackend backend(&set_);
  backend.exceed_budget = true;
  auto log = OpenLog();
  ASSERT_TRUE(Go(backend, *log).ok());
  EXPECT_EQ(Find(MakeReport(*log), "beyond the budget").verdict, Verdict::kFails);
}

TEST_F(EvalRunTest, BytesThatAreNotTheSourcesFailTheirBar) {
  FakeBackend backend(&set_);
  backend.bend_source = true;
  auto log = OpenLog();
  ASSERT_TRUE(Go(backend, *log).ok());
  EXPECT_EQ(Find(MakeReport(*log), "provenance").verdict, Verdict::kFails);
}

TEST_F(EvalRunTest, ACacheThatAnswersOtherwiseFailsItsBar) {
  FakeBackend backend(&set_);
  backend.cache_differs = true;
  auto log = OpenLog();
  ASSERT_TRUE(Go(backend, *log).ok());
  EXPECT_EQ(Find(MakeReport(*log), "cache").verdict, Verdict::kFails);
}

TEST_F(EvalRunTest, AutoAgainstABaselineIsPaired) {
  FakeBackend backend(&set_);
  auto log = OpenLog();
  ASSERT_TRUE(Go(backend, *log).ok());
  const Report report = MakeReport(*log);
  for (const PairSummary& pair : report.summary.pairs) {
    if (!(pair.stratum == Stratum{"all", ""}) || pair.budget != "4x") continue;
    const Interval& difference = pair.difference[static_cast<int>(Quality::kLogLikelihood)];
    const double a = Value(report.summary.Find("fake", "auto", "4x", {"all", ""}), Metric::kLogLikelihood);
    const double b = Value(report.summary.Find("fake", pair.b, "4x", {"all", ""}), Metric::kLogLikelihood);
    EXPECT_NEAR(difference.value, a - b, 1e-12) << pair.b;
    EXPECT_EQ(difference.n, 5);
    if (pair.b == "truncate") {
      EXPECT_EQ(Find(report, "auto - truncate at 4x").verdict, Verdict::kUnclear);  // five questions are few
    }
    // The fake's auto is bm25-fill: no difference in any resample.
    if (pair.b == kBm25Fill) {
      EXPECT_EQ(difference.high - difference.low, 0);
    }
  }
  EXPECT_EQ(Find(report, "auto - bm25-fill at 4x").verdict, Verdict::kFails);  // equal is not better
}

TEST_F(EvalRunTest, WithoutGenerationOnlyLikelihoodIsMeasured) {
  settings_.generate = settings_.timings = false;
  settings_.input_price = 2;
  FakeBackend backend(&set_);
  auto log = OpenLog();
  ASSERT_TRUE(Go(backend, *log).ok());
  EXPECT_EQ(backend.generated, 0);
  const Report report = MakeReport(*log);
  EXPECT_FALSE(report.summary.generated);
  const CellSummary* full = report.summary.Find("fake", kNone, "-", {"all", ""});
  EXPECT_EQ(full->normalized[0].n, 5);  // -0.25 is more than 1 nat above -3
  EXPECT_TRUE(std::isnan(Value(full, Metric::kF1)));
  for (const auto& headers : {MakeTable(report, "fake", {"all", ""}).headers}) {
    EXPECT_THAT(headers, ElementsAre("method", "budget", "tokens", "log-lik.", "of full", "kept", "evidence", "n"));
  }
}

TEST_F(EvalRunTest, CitedAnswersHaveTheirMarksChecked) {
  settings_.style = Style::kCited;
  settings_.input_price = 1'000'000;
  FakeBackend backend(&set_);
  auto log = OpenLog();
  ASSERT_TRUE(Go(backend, *log).ok());
  const Report report = MakeReport(*log);
  const CellSummary* full = report.summary.Find("fake", kNone, "-", {"all", ""});
  EXPECT_DOUBLE_EQ(Value(full, Metric::kCitationsValid), 1);
  EXPECT_DOUBLE_EQ(Value(full, Metric::kCitationsGold), 0.2);  // mark 1 is the mill: right for one of five
  EXPECT_DOUBLE_EQ(Value(full, Metric::kCost), Value(full, Metric::kPromptTokens));
}

TEST_F(EvalRunTest, TheFilesAreWhatTheReadmeSays) {
  FakeBackend backend(&set_);
  auto log = OpenLog();
  ASSERT_TRUE(Go(backend, *log).ok());
  const Report report = MakeReport(*log);
  const auto results = nlohmann::json::parse(ResultsJson(report));
  EXPECT_EQ(results["format"], 1);
  EXPECT_EQ(results["headline"]["value"], "low");
  EXPECT_GT(results["cells"].size(), 14u);
  EXPECT_TRUE(results["cells"][0]["metrics"].contains("log_likelihood"));
  EXPECT_EQ(ResultsJson(report), ResultsJson(MakeReport(*log)));
  EXPECT_THAT(TableMarkdown(report), HasSubstr("| bm25-fill | 4x |"));
  const auto plots = Plots(report);
  ASSERT_TRUE(plots.count("log_likelihood_by_tokens.fake.svg") > 0);
  for (const auto& [name, svg] : plots) {
    EXPECT_THAT(svg, testing::StartsWith("<svg ")) << name;
    EXPECT_THAT(svg, testing::EndsWith("</svg>\n")) << name;
    EXPECT_THAT(svg, testing::Not(HasSubstr("nan"))) << name;
  }
}

}  // namespace
}  // namespace precis::eval
