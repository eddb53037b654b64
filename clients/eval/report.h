// Summaries as files: results.json for programs, table.md for people.
#pragma once

#include <string>
#include <vector>

#include "eval/bars.h"
#include "eval/question_set.h"
#include "eval/settings.h"
#include "eval/summary.h"

namespace precis::eval {

struct Report {
  const QuestionSet* set;
  const Settings* settings;
  std::vector<std::string> generators;
  std::vector<std::string> run_fingerprints, rows_paths;  // of the generators
  int questions = 0, answerable = 0;                      // of the run
  Summary summary;
  std::vector<Bar> bars;
};

// One object, on one line with an indent of -1; README.md has its members. What was not measured is left out.
std::string ResultsJson(const Report& report, int indent = 1);

// "0.52 [0.48, 0.57]", "-" for NaN.
std::string Show(const Interval& interval, int digits = 2);

struct ReportTable {
  std::vector<std::string> headers;
  std::vector<std::vector<std::string>> rows;
};
// A row a method and budget, budgets together; columns of which nothing was measured are left out.
ReportTable MakeTable(const Report& report, const std::string& generator, const Stratum& stratum);

// Every stratum's table, the pairs and the bars, as Markdown.
std::string TableMarkdown(const Report& report);

// "[unclear] auto - truncate at 4x, f1: 0.04 [-0.01, 0.09], wanted above 0 (n 60)".
std::string Sentence(const Bar& bar);
// What the questions are: "62 questions of the split heldout, 31 of them answerable; ..."
std::string Coverage(const Report& report);

}  // namespace precis::eval
