// Foreign text inside a message: escaped, cut to a length that can be read, in quotation marks.
#pragma once

#include <string>
#include <string_view>

namespace precis::engine {

std::string Quoted(std::string_view text);

}  // namespace precis::engine
