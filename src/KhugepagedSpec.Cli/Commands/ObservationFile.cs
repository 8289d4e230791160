using System.Collections.Immutable;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Cli.Commands;

/// <summary>Files of what a kernel was seen to do: vectors, or the journal of a comparison.</summary>
internal static class ObservationFile
{
    /// <summary>What the files hold, and the version that models the kernel.</summary>
    /// <param name="files">The files.</param>
    /// <param name="named">The model, if one was named; else it is that of the kernel that the files name.</param>
    /// <exception cref="UsageException">A file cannot be read, or they are of several kernels.</exception>
    public static (List<Observation> Observations, KhugepagedVersion Model) Read(string[] files, KhugepagedVersion? named)
    {
        var observations = new List<Observation>();
        KhugepagedVersion? model = named;
        string modelOf = "";
        foreach (string file in files)
        {
            string path = Recorded.Find(file);
            string? kernel = null;
            int before = observations.Count;
            foreach (var line in IsJournal(path) ? Batches(path, text => kernel = text)
                : Vectors(path, text => kernel = text))
                observations.Add(line);
            if (observations.Count == before)
                throw new UsageException($"{InputFile.NameOf(file)}: no observation: expected vectors, or batches that differ with theirs");
            var its = named ?? ModelOption.ForRecorded(kernel, file);
            if (model is not null && its.Name != model.Name)
                throw new UsageException($"{InputFile.NameOf(file)}: a kernel of {its.Name}, and {modelOf} of {model.Name}: "
                    + "expected one kernel, or --model NAME");
            (model, modelOf) = (its, file);
        }
        return (observations, model!);
    }

    /// <summary>It is what a comparison wrote.</summary>
    public static bool IsJournal(string path) => !InputFile.IsStandard(path) && LiveJournal.IsOne(path);

    private static IEnumerable<Observation> Vectors(string path, Action<string> isOf)
    {
        foreach (var line in VectorReader.Read(path, Geometry.X86))
            if (line.Error is { } error)
                throw new UsageException($"{InputFile.NameOf(path)}, line {line.Number}: {error}");
            else if (line.Vector is { } vector)
                yield return new Observation(vector.Id, [vector]);
            else
                isOf(line.Meta!);
    }

    // What agreed is not in a journal.
    private static IEnumerable<Observation> Batches(string path, Action<string> isOf)
    {
        var (plan, batches) = LiveJournal.ReadAll(path);
        isOf($"Linux version {plan.Kernel}");
        foreach (var batch in batches.Where(batch => batch.Differs is not null && batch.Vectors is not null))
        {
            var vectors = ImmutableArray.CreateBuilder<RecordedVector>();
            foreach (string text in batch.Vectors!.Value)
            {
                var line = VectorReader.ReadLine(text, 1, Geometry.X86);
                vectors.Add(line.Vector
                    ?? throw new UsageException($"{path}: batch {batch.Number}: key 'vectors': {line.Error ?? "no vector"}"));
            }
            yield return new Observation($"batch {batch.Number}", vectors.ToImmutable());
        }
    }
}
