using KhugepagedSpec.PageTables;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Properties.Programs;

/// <summary>Something that happens, by one process or by khugepaged. Printed as the C# that makes it; what the kernel would refuse does
/// nothing.</summary>
public abstract record Step
{
    public abstract void Run(ProgramState state);

    public sealed override string ToString() => $"new {GetType().Name}({string.Join(", ", Arguments())})";

    protected virtual IEnumerable<object> Arguments() => [];
}

/// <summary>A process does something to some of its pages.</summary>
public abstract record PagesStep(int Process, int Page, int Count) : Step
{
    public sealed override void Run(ProgramState state)
    {
        if (state.Find(Process) is { } process)
            Run(process.Program, process, state);
    }

    protected abstract void Run(UserProgram program, Subject process, ProgramState state);

    protected override IEnumerable<object> Arguments() => [Process, Page, Count];
}

public sealed record Write(int Process, int Page, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state)
    {
        program.Write(Page, Count);
        process.Each(Page, Count, page =>
        {
            if (!process.Reads[page].IsGuarded)
                process.Reads[page] = state.Fresh(process.Read(page));
        });
    }
}

public sealed record Read(int Process, int Page, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state) => program.Read(Page, Count);
}

public sealed record Zap(int Process, int Page, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state)
    {
        program.DontNeed(Page, Count);
        if (!process.IsLocked)
            process.Each(Page, Count, page => process.Reads[page] = process.Reads[page].IsGuarded ? Expected.Guarded : Expected.Zero);
    }
}

public sealed record Cold(int Process, int Page, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state) => program.Cold(Page, Count);
}

public sealed record SwapOut(int Process, int Page, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state) => program.PageOut(Page, Count);
}

public sealed record Free(int Process, int Page, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state)
    {
        program.Free(Page, Count);
        if (!process.IsLocked)
            process.Each(Page, Count,
                page => process.Reads[page] = process.Reads[page] with { MayBeDropped = !process.Reads[page].IsGuarded });
    }
}

public sealed record Guard(int Process, int Page, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state)
    {
        program.Guard(Page, Count);
        if (!process.IsLocked)
            process.Each(Page, Count, page => process.Reads[page] = Expected.Guarded);
    }
}

public sealed record Pin(int Process, int Page, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state) => program.Pin(Page, Count);
}

public sealed record WriteProtect(int Process, int Page, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state) => program.WriteProtect(Page, Count);
}

public sealed record Move(int Process, int Page, int To, int Count) : PagesStep(Process, Page, Count)
{
    protected override void Run(UserProgram program, Subject process, ProgramState state)
    {
        program.Move(Page, To, Count);
        if (Page < To + Count && To < Page + Count)
            return;
        var moved = new Expected[process.Reads.Length];
        process.Reads.CopyTo(moved, 0);
        process.Each(To, Count, page => moved[page] = Expected.Zero);
        process.Each(Page, Count, page =>
        {
            moved[page] = page - Page + To < moved.Length ? Expected.Zero : process.Reads[page];
            if (page - Page + To < moved.Length)
                moved[page - Page + To] = process.Reads[page];
        });
        moved.CopyTo(process.Reads, 0);
    }

    protected override IEnumerable<object> Arguments() => [Process, Page, To, Count];
}

public sealed record Fork : Step
{
    public override void Run(ProgramState state) => state.Fork();
}

public sealed record RegisterUffd(int Process) : Step
{
    public override void Run(ProgramState state) => state.Find(Process)?.Add(VmaFlags.UffdMissing);

    protected override IEnumerable<object> Arguments() => [Process];
}

public sealed record Mlock(int Process) : Step
{
    public override void Run(ProgramState state) => state.Find(Process)?.Add(VmaFlags.Locked);

    protected override IEnumerable<object> Arguments() => [Process];
}

public sealed record Sysfs(uint Orders, int MaxPtesNone) : Step
{
    public override void Run(ProgramState state) => state.Set(new OrderSet(Orders), MaxPtesNone);

    protected override IEnumerable<object> Arguments() => [$"0x{Orders:x}", MaxPtesNone];
}

public sealed record Khugepaged : Step
{
    public override void Run(ProgramState state) => state.Pass();
}

public sealed record MadviseCollapse(int Process) : Step
{
    public override void Run(ProgramState state) => state.Collapse(Process);

    protected override IEnumerable<object> Arguments() => [Process];
}
