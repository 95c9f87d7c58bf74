pub(super) mod machine;

use clap::Subcommand;

use super::agent_admin::AgentAdminCommand;

#[derive(Subcommand)]
pub(super) enum AgentCommand {
    #[command(flatten)]
    Machine(machine::MachineCommand),
    #[command(flatten)]
    Admin(AgentAdminCommand),
}

impl AgentCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Machine(command) => command.run(),
            Self::Admin(command) => command.run(),
        }
    }
}
