using KhugepagedSpec.Cli;

StandardStreams.Guard();
return CommandLine.Run(args);
