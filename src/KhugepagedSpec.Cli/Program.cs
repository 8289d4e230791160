using KhugepagedSpec.Cli;

return CommandLine.Run(args);
