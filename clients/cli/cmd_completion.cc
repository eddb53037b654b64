// precis completion SHELL: a completion script made from the very commands that the program has.
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"

namespace precis::cli {
namespace {

// Words that can follow a command: its subcommands and long options.
std::string Words(const CLI::App* app) {
  std::string words;
  for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) words += sub->get_name() + " ";
  for (const CLI::Option* option : app->get_options()) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  }
  if (!words.empty()) words.pop_back();
  return words;
}

void PrintBash(const CLI::App* app) {
  std::printf(
      "_precis() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words\n  case \"${COMP_WORDS[*]:1:COMP_CWORD-1}\" in\n");
  for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
    for (const CLI::App* leaf : sub->get_subcommands([](const CLI::App*) { return true; })) {
      std::printf("    *%s\\ %s*) words='%s' ;;\n", sub->get_name().c_str(), leaf->get_name().c_str(),
                  Words(leaf).c_str());
    }
    std::printf("    *%s*) words='%s' ;;\n", sub->get_name().c_str(), Words(sub).c_str());
  }
  std::printf("    *) words='%s' ;;\n  esac\n", Words(app).c_str());
  std::printf("  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\") $(compgen -f -- \"$cur\"))\n}\n");
  std::printf("complete -o filenames -F _precis precis\n");
}

void PrintFish(const CLI::App* app) {
  for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
    std::printf("complete -c precis -n __fish_use_subcommand -a %s\n", sub->get_name().c_str());
    for (const CLI::App* leaf : sub->get_subcommands([](const CLI::App*) { return true; })) {
      std::printf("complete -c precis -n '__fish_seen_subcommand_from %s' -a %s\n", sub->get_name().c_str(),
                  leaf->get_name().c_str());
    }
    for (const CLI::Option* option : sub->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        std::printf("complete -c precis -n '__fish_seen_subcommand_from %s' -l %s\n", sub->get_name().c_str(),
                    name.c_str());
      }
    }
  }
}

}  // namespace

void AddCompletion(CLI::App& app, Run* run) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print a completion script: source <(precis completion bash)");
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, shell, run] {
    *run = [&app, shell] {
      if (*shell == "fish") {
        PrintFish(&app);
        return kExitOk;
      }
      if (*shell == "zsh") std::printf("autoload -U +X bashcompinit && bashcompinit\n");
      PrintBash(&app);
      return kExitOk;
    };
  });
}

}  // namespace precis::cli
