using KhugepagedSpec.Kernel.Vectors;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;
int ok = 0, bad = 0;
foreach (var line in VectorReader.Read(args[0], Geometry.X86))
{
    if (line.Error is not null) { Console.WriteLine($"{line.Number}: {line.Error}"); continue; }
    if (line.Vector is null) continue;
    var m = Replay.Run(line.Vector, KhugepagedVersion.Linux72);
    if (m is null) { ok++; continue; }
    bad++;
    Console.WriteLine($"{line.Vector.Id} pass {m.Pass} {m.What}\n   K {m.Kernel}\n   M {m.Model}");
}
Console.WriteLine($"{ok} ok, {bad} bad");
