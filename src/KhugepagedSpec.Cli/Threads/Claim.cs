using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace KhugepagedSpec.Cli.Threads;

/// <summary>What a sentence of a thread is.</summary>
internal enum ClaimKind
{
    [JsonStringEnumMemberName("claim")]
    Claim,

    [JsonStringEnumMemberName("question")]
    Question,

    [JsonStringEnumMemberName("number")]
    Number,

    [JsonStringEnumMemberName("alternative")]
    Alternative,
}

/// <summary>What became of a claim. Of a question it is the verdict on what the question supposes, and the note answers it.</summary>
internal enum Verdict
{
    [JsonStringEnumMemberName("holds")]
    Holds,

    [JsonStringEnumMemberName("holds only if")]
    HoldsOnlyIf,

    [JsonStringEnumMemberName("false")]
    False,

    [JsonStringEnumMemberName("changed since")]
    ChangedSince,

    [JsonStringEnumMemberName("not a matter of the model")]
    NotOfTheModel,

    /// <summary>Nothing here decides it; the note says what is missing.</summary>
    [JsonStringEnumMemberName("open")]
    Open,
}

/// <summary>A thread, as a file of claims.</summary>
/// <param name="Name">What <c>--thread</c> calls it.</param>
/// <param name="Title">Subject and date of the mail.</param>
/// <param name="Claims">In the order of the mail.</param>
internal sealed record MailThread(string Name, string Title, ImmutableArray<Claim> Claims);

/// <summary>What was claimed or asked, in a sentence of our own.</summary>
/// <param name="Number">From 1, through all threads, without a gap: what it is called by, so it stays.</param>
/// <param name="Who">Initial and name; several with commas.</param>
/// <param name="Date">As far as the mail tells: a day, or a month.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The sentence.</param>
/// <param name="Verdict">What became of it.</param>
/// <param name="Note">If what, what is so instead, or what is missing; needed wherever the verdict alone does not say it.</param>
/// <param name="Runs">What shows the verdict; none if it is open, or no matter of the model.</param>
internal sealed record Claim(
    int Number,
    string Who,
    string Date,
    ClaimKind Kind,
    [property: JsonPropertyName("claim")] string Text,
    Verdict Verdict,
    string? Note,
    ImmutableArray<ClaimRun> Runs);

/// <summary>A command of this program, and what its output must be for the verdict to stand.</summary>
/// <param name="Command">As typed behind the program's name; words with blanks in single quotes.</param>
/// <param name="Exit">The exit code.</param>
/// <param name="Prints">What must stand in the output, in this order; blanks in a row count as one.</param>
/// <param name="Never">What must not stand in it.</param>
/// <param name="Unless">Options to put in place, as <c>--model VARIANT</c>, with which the same command shows otherwise.</param>
/// <param name="Slow">It takes more than a few seconds.</param>
internal sealed record ClaimRun(
    [property: JsonPropertyName("run")] string Command,
    int Exit,
    ImmutableArray<string> Prints,
    ImmutableArray<string> Never,
    string? Unless,
    bool Slow);
