#ifndef PRECIS_TESTS_SUPPORT_SOURCE_FILE_H_
#define PRECIS_TESTS_SUPPORT_SOURCE_FILE_H_

#include <string>
#include <string_view>

namespace precis {

// Path of a file of the source tree, such as "tests/index/text/golden/bm25.json". A function rather than a macro, so
// that a clone in another folder compiles the tests to the same objects, which ccache then has.
std::string SourceFile(std::string_view path);

}  // namespace precis

#endif  // PRECIS_TESTS_SUPPORT_SOURCE_FILE_H_
