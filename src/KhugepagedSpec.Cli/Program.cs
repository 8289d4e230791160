using KhugepagedSpec.Cli.Commands;
using KhugepagedSpec.Cli.Shell;

StandardStreams.Guard();
return CommandLine.Run(args);
