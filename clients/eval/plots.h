// The charts of a report.
#pragma once

#include <map>
#include <string>

#include "eval/report.h"

namespace precis::eval {

// File name -> SVG: quality against tokens and against time to the first token, for each generator; the heat maps of
// needles where the set has some.
std::map<std::string, std::string> Plots(const Report& report);

}  // namespace precis::eval
