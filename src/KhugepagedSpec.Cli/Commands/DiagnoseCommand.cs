using System.CommandLine;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec diagnose</c>: what is this kernel doing?</summary>
internal static class DiagnoseCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "Recorded vectors, or what kernel compare --out wrote; all of one kernel, unless a model is named.",
        };
        var model = ModelOption.CreateForKernel("differ from");
        var json = new Option<bool>("--json") { Description = "Print the answers as JSON." };
        var command = new Verb(
            "diagnose",
            "Say what a kernel that differs from its model is doing: the change of a policy that explains all that was seen.",
            """
            Tried are the versions, the known-bad variants, every other value of each policy, and pairs of these where none explains all.
            An answer explains every observation, those on which the model agrees too. Of several with as few changes all are listed,
            and a table on which they part, if one is found. What is compared is what replay compares.
            Exit code 0: explained; 1: nothing that was tried explains all, and the closest is shown; 2: bad input; 3: nothing to
            explain, as the model agrees, or interrupted.

            Examples:
              khugepaged-spec diagnose mine.jsonl
              khugepaged-spec diagnose mine.jsonl --model linux-7.2 --json
            """)
        { files, model, json };
        var with = WithOption.AddTo(command);
        command.SetAction(parsed =>
        {
            var named = ModelOption.GetIfGiven(parsed, model);
            var (observations, recorded) = ObservationFile.Read(parsed.GetValue(files)!, named);
            var diagnosis = Run(observations, with.Change(parsed, recorded));
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(DiagnosisText.ToJson(diagnosis), CliJson.Readable.DiagnosisJson));
            else
                DiagnosisText.Print(diagnosis, Again(parsed.GetValue(files)!));
            return !diagnosis.Answers.IsEmpty ? ExitCode.Agree
                : diagnosis.Differ == 0 || !diagnosis.IsComplete ? ExitCode.NotExhausted
                : ExitCode.Differ;
        });
        return command;
    }

    // What shows that an answer explains them; replay reads no journal.
    private static string Again(string[] files) =>
        $"{(files.Any(ObservationFile.IsJournal) ? "diagnose" : "replay")} {string.Join(' ', files.Select(ShellWord.Quoted))}";

    private static Diagnosis Run(IReadOnlyList<Observation> observations, KhugepagedVersion model)
    {
        int tried = 0;
        return TerminalProgress.Counting("versions tried", tell =>
            Diagnosis.Of(observations, model, () => tell(Interlocked.Increment(ref tried)), Interrupt.OfTheRun));
    }
}
