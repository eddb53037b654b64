#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace precis::cli {
namespace {

v1::Filter Where(const std::vector<std::string>& conditions) {
  v1::Filter filter;
  EXPECT_TRUE(ParseWhere(conditions, &filter).ok());
  return filter;
}

TEST(Where, OperatorsAndTypes) {
  EXPECT_EQ(Where({"topic=net"}).equals().value().string_value(), "net");
  EXPECT_EQ(Where({"year=2020"}).equals().value().int64_value(), 2020);
  EXPECT_EQ(Where({"share=0.5"}).equals().value().double_value(), 0.5);
  EXPECT_TRUE(Where({"done=true"}).equals().value().bool_value());
  EXPECT_EQ(Where({"lang!=de"}).negation().equals().value().string_value(), "de");
  EXPECT_EQ(Where({"lang=de,en"}).is_in().values_size(), 2);
  EXPECT_EQ(Where({"$uri^=/usr"}).prefix().prefix(), "/usr");
  EXPECT_EQ(Where({"reviewed"}).exists().field(), "reviewed");
}

TEST(Where, BoundsAreIncludedOrNotAsWritten) {
  const auto at_least = Where({"year>=2020"}).range();
  EXPECT_EQ(at_least.minimum().int64_value(), 2020);
  EXPECT_FALSE(at_least.minimum_excluded());
  EXPECT_FALSE(at_least.has_maximum());
  const auto below = Where({"year<2020"}).range();
  EXPECT_TRUE(below.maximum_excluded());
  EXPECT_FALSE(below.has_minimum());
}

TEST(Where, SeveralMeanAllOfThem) {
  const v1::Filter filter = Where({"a=1", "b!=2"});
  ASSERT_EQ(filter.all_of().filters_size(), 2);
  EXPECT_TRUE(filter.all_of().filters(1).has_negation());
}

TEST(Where, NonsenseIsNamed) {
  v1::Filter filter;
  for (const char* bad : {"", "=x", "<5"}) {
    const absl::Status status = ParseWhere({bad}, &filter);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(std::string("'") + bad + "'"));
  }
}

TEST(Meta, DatesAndVersionsStayText) {
  std::string key;
  v1::MetadataValue value;
  ASSERT_TRUE(ParseMeta("released=2020-01-02", &key, &value).ok());
  EXPECT_EQ(value.string_value(), "2020-01-02");
  ASSERT_TRUE(ParseMeta("version=3.11.2", &key, &value).ok());
  EXPECT_EQ(value.string_value(), "3.11.2");
  ASSERT_TRUE(ParseMeta("name=nan", &key, &value).ok());
  EXPECT_EQ(value.string_value(), "nan");
  ASSERT_TRUE(ParseMeta("equation=a=b", &key, &value).ok());
  EXPECT_EQ(value.string_value(), "a=b");
  EXPECT_FALSE(ParseMeta("novalue", &key, &value).ok());
}

TEST(CompressionFlags, ChainsWithParameters) {
  CompressionFlags flags;
  flags.methods = {"extractive:mmr_lambda=0.7,x=1", "truncate"};
  v1::CompressionOptions options;
  ASSERT_TRUE(flags.Fill(&options).ok());
  ASSERT_EQ(options.steps_size(), 2);
  EXPECT_EQ(options.steps(0).method(), "extractive");
  EXPECT_EQ(options.steps(0).parameters().at("mmr_lambda"), "0.7");
  EXPECT_TRUE(options.steps(1).parameters().empty());
  flags.methods = {" extractive:mmr_lambda=0.7 | lingua|lexical "};
  v1::CompressionOptions chain;
  ASSERT_TRUE(flags.Fill(&chain).ok());
  ASSERT_EQ(chain.steps_size(), 3);
  EXPECT_EQ(chain.steps(0).parameters().at("mmr_lambda"), "0.7");
  EXPECT_EQ(chain.steps(1).method(), "lingua");
  EXPECT_EQ(chain.steps(2).method(), "lexical");
  for (const char* bad : {"", "extractive |", "| lingua"}) {
    flags.methods = {bad};
    v1::CompressionOptions unused;
    EXPECT_EQ(flags.Fill(&unused).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  flags.methods = {"extractive:oops"};
  EXPECT_FALSE(flags.Fill(&options).ok());
}

}  // namespace
}  // namespace precis::cli
