// Defaults < file < environment < flags, and every mistake is one sentence that names what is wrong.
#include "config/config.h"

#include <fstream>
#include <map>

#include "config/option_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<CommandLine> Parse(const std::vector<std::string>& arguments,
                                  const std::map<std::string, std::string>& environment = {}) {
  return ParseCommandLine(arguments, [&environment](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

std::string WriteFile(const std::string& content) {
  const std::string path = testing::TempDir() + "/precisd-config-test.conf";
  std::ofstream(path) << content;
  return path;
}

std::string Error(const absl::StatusOr<CommandLine>& result) { return std::string(result.status().message()); }

TEST(Config, DefaultsAreOneProcessOnLoopback) {
  const auto command = Parse({}, {{"HOME", "/home/someone"}});
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_TRUE(command->config.roles.all());
  EXPECT_EQ(command->config.listen, "127.0.0.1:7777");
  EXPECT_EQ(command->config.models_dir, "/home/someone/.local/share/precis/models");
  EXPECT_EQ(command->config.max_message_bytes, 4 << 20);
}

TEST(Config, LaterSourcesWin) {
  const std::string file = WriteFile("# comment\nencoder = from-file\ngenerator = from-file\nthreads = 3\n");
  const auto command = Parse({"--config", file, "--encoder=from-flag"},
                             {{"PRECIS_ENCODER", "from-environment"}, {"PRECIS_GENERATOR", "from-environment"}});
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->config.encoder, "from-flag");
  EXPECT_EQ(command->config.generator, "from-environment");
  EXPECT_EQ(command->config.threads, 3);
  EXPECT_TRUE(command->config.WasSet("threads"));
  EXPECT_FALSE(command->config.WasSet("queue-limit"));
}

TEST(Config, ARoleAloneListensOnItsOwnAddress) {
  const auto command = Parse({"--roles=compressor"});
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->config.listen, command->config.compressor_address);
}

TEST(Config, OutsideLoopbackNeedsConsent) {
  EXPECT_THAT(Error(Parse({"--listen=0.0.0.0:7777"})), HasSubstr("--insecure-listen"));
  EXPECT_THAT(Error(Parse({"--listen=[::]:7777"})), HasSubstr("--insecure-listen"));
  EXPECT_THAT(Error(Parse({"--metrics-listen=0.0.0.0:9464"})), HasSubstr("--insecure-listen"));
  EXPECT_TRUE(Parse({"--listen=0.0.0.0:7777", "--insecure-listen"}).ok());
}

TEST(Config, EncoderWindowsAreCheckedAtStart) {
  EXPECT_EQ(Parse({"--encoder-max-tokens=a=512,b=8192"})->config.encoder_max_tokens, "a=512,b=8192");
  for (const char* wrong : {"512", "=512", "a=", "a=2", "a=1048577", "a=x", "a=512,", "a=1e3", "a@int8-v1=512"}) {
    EXPECT_THAT(Error(Parse({std::string("--encoder-max-tokens=") + wrong})), HasSubstr("encoder-max-tokens has"))
        << wrong;
  }
  EXPECT_THAT(Error(Parse({"--encoder-max-tokens=a=512,a=256"})), HasSubstr("'a' twice"));
}

TEST(Config, MistakesAreNamed) {
  EXPECT_THAT(Error(Parse({"--encodr=x"})), AllOf(HasSubstr("encodr"), HasSubstr("'encoder' is near")));
  EXPECT_THAT(Error(Parse({"--threads=many"})), AllOf(HasSubstr("many"), HasSubstr("0 to 1024")));
  EXPECT_THAT(Error(Parse({"--threads=99999999999999999999"})), HasSubstr("whole number"));
  EXPECT_THAT(Error(Parse({"--roles=retriever,librarian"})), HasSubstr("librarian"));
  EXPECT_THAT(Error(Parse({"--log-format=xml"})), HasSubstr("text|json"));
  EXPECT_THAT(Error(Parse({"--listen=localhost"})), HasSubstr("HOST:PORT"));
  EXPECT_THAT(Error(Parse({"--encoder=../../etc"})), HasSubstr("models-dir"));
  EXPECT_THAT(Error(Parse({"--refusal-calibration=1,2,x"})), HasSubstr("'x'"));
  EXPECT_THAT(Error(Parse({"--refusal-calibration=1,2"})), AllOf(HasSubstr("2 numbers"), HasSubstr("15")));
  EXPECT_THAT(Error(Parse({"serve"})), HasSubstr("'serve' is not a flag"));
  EXPECT_THAT(Error(Parse({"--encoder"})), HasSubstr("needs a value"));
  EXPECT_THAT(Error(Parse({"--config", WriteFile("encoder = a\nno equals sign\n")})), HasSubstr(":2"));
  EXPECT_THAT(Error(Parse({"--config=/does/not/exist"})), HasSubstr("/does/not/exist"));
  EXPECT_THAT(Error(Parse({}, {{"PRECIS_QUEUE_LIMIT", "0"}})), HasSubstr("PRECIS_QUEUE_LIMIT"));
}

TEST(Config, HelpNamesEveryKey) {
  const std::string help = HelpText();
  for (const Option& option : OptionTable()) {
    EXPECT_THAT(help, HasSubstr(std::string("--") + option.key));
    EXPECT_THAT(help, HasSubstr(EnvironmentName(option.key)));
  }
}

TEST(Config, HealthIsAClientMode) {
  const auto command = Parse({"--health", "127.0.0.1:1", "--health-service", "precis.v1.PipelineService"});
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->action, CommandLine::Action::kHealth);
  EXPECT_EQ(command->health_address, "127.0.0.1:1");
  EXPECT_EQ(command->health_service, "precis.v1.PipelineService");
}

}  // namespace
}  // namespace precis::services
