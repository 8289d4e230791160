namespace KhugepagedSpec.Cli.Shell;

/// <summary>Bad input from the user: one line that says what, where, and what was expected. Ends the program with exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
