"""Where the output goes: lines 118 to 120."""
import os

from suite import Case


def nothing(model):
    pass


def at(where, *more, command='quantize', force=True):
    kind = ('--type', 'Q4_0') if command == 'quantize' else ()
    return (command, '{in}', '-o', where, *kind, *(['--force'] if force else []), *more)


def as_folder(where):
    return ('quantize', '{in}', '-o', where, '--type', 'INT4_G32', '--force')


def read_only(model):
    def lock(folder):
        locked = folder.parent / 'locked'
        locked.mkdir()
        locked.chmod(0o500)
    return lock


def link_to_input(model):
    return lambda folder: os.symlink('in.gguf', folder / 'same.gguf')


def gguf(make=lambda file: None):
    return dict(make=make, kind='gguf', also=())


def folder_of(name, content):
    def make(model):
        def put(folder):
            (folder.parent / 'old').mkdir()
            (folder.parent / 'old' / name).write_bytes(content)
        return put
    return make


CASES = [
    Case(118, 'output = input', nothing, 'model.safetensors', 73, command=as_folder('{in}/model.safetensors'), also=()),
    Case(118, 'output = the folder', nothing, '/in', 73, command=as_folder('{in}'), also=()),
    Case(118, 'output = input, a GGUF', says='expected an output other than the inputs', exit=73, command=at('{in}'), **gguf()),
    Case(118, 'output = input by another way', says='expected an output other than the inputs', exit=73, command=at('{dir}/./../case/in.gguf'), **gguf()),
    Case(118, 'output within the folder', nothing, '', 0, command=at('{in}/out.gguf'), also=()),
    Case(119, 'output exists', nothing, '--force', 73, command=at('{out}', force=False), also=()),
    Case(119, 'output exists, converted', nothing, '--force', 73, command=at('{out}', command='convert', force=False), also=()),
    Case(119, 'output is a folder', lambda model: lambda folder: (folder.parent / 'old.gguf').mkdir(), 'old.gguf', 73,
         command=at('{dir}/old.gguf'), also=()),
    Case(119, 'a folder that is no model is not replaced', folder_of('diary.txt', b'dear'), 'old', 73,
         command=as_folder('{dir}/old'), also=()),
    Case(119, 'output is a device', nothing, '/dev/null', 73, command=as_folder('/dev/null'), also=()),
    Case(120, 'missing directory', nothing, 'nowhere', 73, command=at('{dir}/nowhere/out.gguf'), also=()),
    Case(120, 'a file in place of the directory', nothing, 'out.gguf', 73, command=at('{out}/x.gguf'), also=()),
    Case(120, 'name of 300 bytes', nothing, '', 73, command=at('{dir}/' + 'x' * 300 + '.gguf'), also=()),
    Case(120, 'empty name', nothing, '--output', 64, command=at(''), also=()),
    Case(120, 'NUL-free path of 5000 bytes', nothing, '', 73, command=at('{dir}/' + 'x/' * 2500 + 'o.gguf'), also=()),
    Case(120, 'directory of the kernel', nothing, '/proc', 73, command=at('/proc/out.gguf'), also=()),
    *([] if os.geteuid() == 0 else [
        Case(120, 'read-only directory', read_only, 'locked', 73, command=at('{dir}/locked/out.gguf'), also=())]),
]
