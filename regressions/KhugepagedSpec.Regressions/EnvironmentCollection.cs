namespace KhugepagedSpec.Regressions;

/// <summary>Tests that change what the process has one of, its environment or its folder: they run when no other does, as any other may
/// start a program, which is looked for on PATH.</summary>
[CollectionDefinition("environment", DisableParallelization = true)]
public sealed class EnvironmentCollection;
