// One file a command. A command adds itself to the program and returns its exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace durward::cli {

enum Exit : int { ok = 0, error = 1, changes_pending = 2, policy_violation = 3 };

// What every command shares. Lives as long as the program.
struct Globals {
  std::string output = "text";  // or "json"
  std::string state;            // directory of the running Durward
  bool json() const { return output == "json"; }
};

// The chosen command, run after parsing.
struct Program {
  CLI::App app{"Durward: identity-aware access through stock HAProxy", "durward"};
  Globals globals;
  std::function<int()> chosen;

  // A subcommand with --output; `state` adds --state.
  CLI::App* add(const std::string& name, const std::string& text, bool state = false);
};

void add_up(Program& program);
void add_validate(Program& program);
void add_render(Program& program);
void add_can(Program& program);
void add_explain(Program& program);
void add_import(Program& program);
void add_schema(Program& program);
void add_version(Program& program);
void add_completion(Program& program);
void add_plan(Program& program);
void add_apply(Program& program);
void add_status(Program& program);
void add_sessions(Program& program);
void add_revoke(Program& program);
void add_token(Program& program);
void add_log(Program& program);
void add_doctor(Program& program);

// Every --option of a command, those of its groups too.
std::vector<std::string> options_of(const CLI::App& command);

// The whole program; returns the exit code.
int run(int argc, char** argv);

}  // namespace durward::cli
