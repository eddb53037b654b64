// Filters and metadata: what matches, and what is refused.
#include "precis/index/metadata.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gmock/gmock.h"

namespace precis::index {
namespace {

using testing::HasSubstr;

bool Check(const Filter& filter, const Metadata& metadata) {
  const std::string id = "id", uri = "/docs/a.md", title = "Title", media = "text/markdown", language;
  const FilterSubject subject{&id, &uri, &title, &media, &language, 1000, &metadata};
  EXPECT_TRUE(ValidateFilter(filter).ok()) << ValidateFilter(filter);
  return Matches(filter, subject);
}

Filter Leaf(Filter::Kind kind, std::string field, std::vector<MetadataValue> values = {}) {
  Filter filter;
  filter.kind = kind;
  filter.field = std::move(field);
  filter.values = std::move(values);
  return filter;
}

Filter Range(std::string field, std::vector<MetadataValue> minimum, std::vector<MetadataValue> maximum) {
  Filter filter = Leaf(Filter::Kind::kRange, std::move(field));
  filter.minimum = std::move(minimum);
  filter.maximum = std::move(maximum);
  return filter;
}

constexpr auto kEquals = Filter::Kind::kEquals;

TEST(FilterTest, IntegersAndDoublesCompareByValueExactly) {
  const int64_t big = (int64_t{1} << 53) + 1;  // no double is equal to it
  EXPECT_TRUE(Check(Leaf(kEquals, "n", {2.0}), {{"n", int64_t{2}}}));
  EXPECT_TRUE(Check(Leaf(kEquals, "n", {int64_t{2}}), {{"n", 2.0}}));
  EXPECT_FALSE(Check(Leaf(kEquals, "n", {static_cast<double>(big)}), {{"n", big}}));
  EXPECT_TRUE(Check(Range("n", {static_cast<double>(big)}, {}), {{"n", big}}));
  EXPECT_FALSE(Check(Range("n", {}, {static_cast<double>(big)}), {{"n", big}}));
  EXPECT_TRUE(Check(Range("n", {}, {1e300}), {{"n", std::numeric_limits<int64_t>::max()}}));
  EXPECT_TRUE(Check(Range("n", {-1e300}, {}), {{"n", std::numeric_limits<int64_t>::min()}}));
  EXPECT_TRUE(Check(Range("n", {int64_t{2}}, {int64_t{3}}), {{"n", 2.5}}));
}

TEST(FilterTest, AnotherTypeOrNoFieldNeverMatchesTheLeaf) {
  EXPECT_FALSE(Check(Leaf(kEquals, "n", {std::string("2")}), {{"n", int64_t{2}}}));
  EXPECT_FALSE(Check(Leaf(kEquals, "n", {true}), {{"n", int64_t{1}}}));
  EXPECT_FALSE(Check(Leaf(kEquals, "missing", {true}), {}));
  Filter negated;
  negated.kind = Filter::Kind::kNot;
  negated.children = {Leaf(kEquals, "missing", {true})};
  EXPECT_TRUE(Check(negated, {}));
}

TEST(FilterTest, ListMatchesIfAnyOfItsStringsDoes) {
  const Metadata metadata = {{"tags", StringList{"red", "green"}}};
  EXPECT_TRUE(Check(Leaf(kEquals, "tags", {std::string("green")}), metadata));
  EXPECT_FALSE(Check(Leaf(kEquals, "tags", {std::string("blue")}), metadata));
  EXPECT_TRUE(Check(Leaf(Filter::Kind::kIn, "tags", {std::string("blue"), std::string("red")}), metadata));
  EXPECT_TRUE(Check(Leaf(Filter::Kind::kPrefix, "tags", {std::string("gr")}), metadata));
  EXPECT_TRUE(Check(Leaf(Filter::Kind::kExists, "tags"), metadata));
}

TEST(FilterTest, BuiltInFieldsAndBounds) {
  EXPECT_TRUE(Check(Leaf(Filter::Kind::kPrefix, "$uri", {std::string("/docs/")}), {}));
  EXPECT_TRUE(Check(Leaf(kEquals, "$title", {std::string("Title")}), {}));
  EXPECT_TRUE(Check(Range("$ingested_unix_ms", {int64_t{1000}}, {int64_t{1000}}), {}));
  Filter open = Range("$ingested_unix_ms", {int64_t{1000}}, {});
  open.minimum_excluded = true;
  EXPECT_FALSE(Check(open, {}));
  EXPECT_TRUE(Check(Range("$title", {std::string("T")}, {std::string("U")}), {}));
}

TEST(FilterTest, EmptyNodesAreTrueAndFalse) {
  Filter all, any;
  any.kind = Filter::Kind::kAnyOf;
  EXPECT_TRUE(Check(all, {}));
  EXPECT_FALSE(Check(any, {}));
  EXPECT_FALSE(Check(Leaf(Filter::Kind::kIn, "n"), {{"n", int64_t{1}}}));
}

TEST(FilterTest, WrongShapesAreRefusedByName) {
  const auto message = [](const Filter& filter) {
    const absl::Status status = ValidateFilter(filter);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(message(Leaf(kEquals, "")), HasSubstr("empty"));
  EXPECT_THAT(message(Leaf(kEquals, "$nonsense", {true})), HasSubstr("$nonsense"));
  EXPECT_THAT(message(Leaf(kEquals, "a")), HasSubstr("exactly one value"));
  EXPECT_THAT(message(Leaf(kEquals, "a", {std::nan("")})), HasSubstr("NaN"));
  EXPECT_THAT(message(Leaf(Filter::Kind::kIn, "a", {true, int64_t{1}})), HasSubstr("mixes"));
  EXPECT_THAT(message(Range("a", {}, {})), HasSubstr("minimum"));
  EXPECT_THAT(message(Range("a", {true}, {})), HasSubstr("bool"));
  EXPECT_THAT(message(Leaf(Filter::Kind::kPrefix, "a", {int64_t{1}})), HasSubstr("prefix"));
  EXPECT_THAT(message(Leaf(Filter::Kind::kExists, "a", {true})), HasSubstr("no values"));
  Filter nested;
  nested.kind = Filter::Kind::kNot;
  EXPECT_THAT(message(nested), HasSubstr("exactly one"));
  Filter deep;
  for (int i = 0; i < kMaxFilterDepth; ++i) {
    Filter outer;
    outer.children = {deep};
    deep = outer;
  }
  EXPECT_THAT(message(deep), HasSubstr("16"));
  Filter wide;
  wide.children.assign(kMaxFilterLeaves + 1, Leaf(Filter::Kind::kExists, "a"));
  EXPECT_THAT(message(wide), HasSubstr("1024"));
}

TEST(MetadataTest, LimitsAreNamed) {
  const auto message = [](const Metadata& metadata) {
    const absl::Status status = ValidateMetadata(metadata);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_TRUE(ValidateMetadata({{"a", std::string("b")}, {"list", StringList{"x"}}}).ok());
  EXPECT_THAT(message({{"$a", true}}), HasSubstr("$a"));
  EXPECT_THAT(message({{"", true}}), HasSubstr("1 to 128"));
  EXPECT_THAT(message({{"a", std::string("\xff")}}), HasSubstr("UTF-8"));
  EXPECT_THAT(message({{"a", std::string(70'000, 'x')}}), HasSubstr("65536"));
  Metadata many;
  for (int i = 0; i < 129; ++i) many[std::to_string(i)] = true;
  EXPECT_THAT(message(many), HasSubstr("128"));
}

}  // namespace
}  // namespace precis::index
