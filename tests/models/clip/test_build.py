import hashlib
import json

import open_clip
import pytest
import torch
from mmaction.registry import MODELS
from safetensors.torch import save_file

from dferclip_mm.models.clip import weights
from dferclip_mm.models.clip.build import build_clip, build_tokenizer

ARCHS = {False: 'tiny', True: 'tiny-quickgelu'}


@pytest.fixture
def archs(tiny_clip, monkeypatch):
    """Architectures that open_clip knows by name, with GELU and with QuickGELU."""
    for quick, name in ARCHS.items():
        config = dict(tiny_clip, quick_gelu=quick)
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, config)
    weights.warn_of_activation.cache_clear()


@pytest.fixture
def said(said_by):
    return said_by(weights.__name__)


@pytest.fixture
def state(tiny_clip):
    return open_clip.CLIP(**tiny_clip).state_dict()


def check_towers(arch, pretrained, state, quick, tiny_clip):
    """Both towers score as open_clip's with this activation."""
    clip = open_clip.CLIP(**{**tiny_clip, 'quick_gelu': quick}).eval()
    clip.load_state_dict(state)
    towers = dict(arch=arch, pretrained=str(pretrained))
    backbone = MODELS.build(dict(type='CLIPVisualEncoder', **towers)).eval()
    encoder = MODELS.build(dict(type='CLIPTextEncoder', **towers))
    image, text = torch.rand(2, 3, 32, 32), open_clip.tokenize(['a smile', 'a frown'])
    with torch.no_grad():
        torch.testing.assert_close(backbone(image), clip.encode_image(image))
        torch.testing.assert_close(encoder(text), clip.encode_text(text))


def openai_names(state):
    return state


def two_tower_names(state):
    shared = ('visual.', 'logit_scale')
    return {name if name.startswith(shared) else f'text.{name}': state[name] for name in state}


def training_run(state):
    named = {f'module.{name}': value for name, value in state.items()}
    return {'epoch': 3, 'name': 'run', 'state_dict': named}


@pytest.mark.parametrize(
    ('layout', 'suffix'),
    [
        (openai_names, '.pt'),
        (openai_names, '.safetensors'),
        (two_tower_names, '.pt'),
        (training_run, '.pt'),
    ],
)
def test_layouts_in_circulation_load_into_both_towers(tmp_path, state, tiny_clip, layout, suffix):
    path, save = tmp_path / f'clip{suffix}', torch.save if suffix == '.pt' else save_file
    save(layout(state), path)
    check_towers(tiny_clip, path, state, True, tiny_clip)


def write_folder(folder, state, config, name='open_clip_model.safetensors'):
    folder.mkdir()
    save_file(state, folder / name)
    (folder / 'open_clip_config.json').write_text(json.dumps(dict(model_cfg=config)))
    return folder


@pytest.mark.parametrize('quick', [False, True])
@pytest.mark.parametrize('given', ['folder', 'file'])
def test_the_description_beside_weights_decides_the_activation(
    tmp_path, archs, state, tiny_clip, said, given, quick
):
    folder = write_folder(tmp_path / 'clip', state, dict(tiny_clip, quick_gelu=quick))
    (folder / 'model.safetensors').write_bytes(b'another layout')
    path = folder if given == 'folder' else folder / 'open_clip_model.safetensors'
    check_towers(ARCHS[quick], path, state, quick, tiny_clip)
    message = f"quick_gelu={quick}, and arch='{ARCHS[not quick]}' .*: set arch='{ARCHS[quick]}'"
    for kind in ('CLIPVisualEncoder', 'CLIPTextEncoder'):
        with pytest.raises(ValueError, match=message):
            MODELS.build(dict(type=kind, arch=ARCHS[not quick], pretrained=str(path)))
    assert said == []


def test_what_shapes_do_not_tell_is_compared_too(tmp_path, archs, state, tiny_clip):
    text = dict(tiny_clip['text_cfg'], heads=4)
    # What a run may choose is not compared.
    vision = dict(tiny_clip['vision_cfg'], image_size=64, patch_dropout=0.5)
    config = dict(tiny_clip, text_cfg=text, vision_cfg=vision)
    folder = write_folder(tmp_path / 'clip', state, config)
    with pytest.raises(ValueError, match=r'says text_cfg\.heads=4, and .* set arch=its model_cfg'):
        build_clip('tiny-quickgelu', str(folder))


def test_a_description_that_is_none_is_explained(tmp_path, archs, state, tiny_clip):
    folder = write_folder(tmp_path / 'clip', state, dict(embed_dim=32))
    with pytest.raises(ValueError, match=r'open_clip_config\.json is no description of a CLIP'):
        build_clip('tiny', str(folder))


def test_open_clip_knows_the_checksums_of_nine_files():
    assert len(weights.openai_checksums()) == 9
    vit_b_32 = '40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af'
    assert vit_b_32 in weights.openai_checksums()


@pytest.mark.filterwarnings('ignore:.*torch.jit:FutureWarning')
def test_openais_own_file_decides_the_activation_and_no_other_archive_is_loaded(
    tmp_path, archs, state, tiny_clip, said, monkeypatch
):
    """OpenAI distributes float16 and TorchScript."""
    clip = open_clip.CLIP(**tiny_clip)
    clip.load_state_dict(state)
    path = tmp_path / 'ViT-B-32.pt'
    torch.jit.script(clip.eval().half()).save(path)
    with pytest.raises(ValueError, match=r'not one of the 9 files .* save its state_dict\(\)'):
        build_clip('tiny', str(path))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(weights, 'openai_checksums', lambda: {checksum})
    half = {name: value.half().float() for name, value in state.items()}
    for arch in ('tiny', 'tiny-quickgelu', {**tiny_clip, 'quick_gelu': False}):
        check_towers(arch, path, half, True, tiny_clip)
    assert said == []


@pytest.mark.parametrize('quick', [False, True])
def test_where_nothing_tells_the_activation_one_warning_names_both(
    tmp_path, archs, state, tiny_clip, said, quick
):
    path = tmp_path / 'clip.pt'
    torch.save(state, path)
    check_towers(ARCHS[quick], path, state, quick, tiny_clip)
    assert len(said) == 1
    assert "arch='tiny'" in said[0]
    assert "arch='tiny-quickgelu'" in said[0]
    # Who gives dimensions says which, or is told of the key.
    build_clip(tiny_clip, str(path))
    assert len(said) == 1
    build_clip({key: tiny_clip[key] for key in tiny_clip if key != 'quick_gelu'}, str(path))
    assert 'quick_gelu=True' in said[1]


def test_a_path_may_begin_at_home(tmp_path, tiny_clip, tiny_weights, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    found = build_clip(tiny_clip, '~/tiny_clip.pt').visual.proj
    assert torch.equal(found, torch.load(tiny_weights)['visual.proj'])


def test_a_folder_without_weights_is_explained(tmp_path, tiny_clip):
    (tmp_path / 'a.pt').touch()
    with pytest.raises(ValueError, match='holds no weights file: expected open_clip_model'):
        build_clip(tiny_clip, str(tmp_path))


@pytest.mark.parametrize('name', ['pytorch_model.bin', 'model.safetensors', ''])
def test_the_layout_of_transformers_is_named_as_such(tmp_path, tiny_clip, name):
    names = ('vision_model.embeddings.class_embedding', 'text_model.final_layer_norm.bias')
    content = {**{name: torch.zeros(3) for name in names}, 'logit_scale': torch.tensor(4.6)}
    torch.save(content, tmp_path / 'pytorch_model.bin')
    save_file(content, tmp_path / 'model.safetensors')
    message = r"layout of Hugging Face's transformers: take .* open_clip_model\.safetensors"
    with pytest.raises(ValueError, match=message):
        build_clip(tiny_clip, str(tmp_path / name))


@pytest.mark.parametrize(
    ('name', 'count', 'dims'),
    [('ViT-B-32', 87_849_216, 512), ('RN50', 38_316_896, 1024), ('coca_base', 86_395_392, 512)],
)
def test_known_architecture_by_name(name, count, dims, caplog):
    with torch.device('meta'):
        clip = build_clip(name)
    assert sum(p.numel() for p in clip.visual.parameters()) == count
    assert clip.text.output_dim == dims
    # open_clip itself would warn of weights that are loaded later.
    assert not caplog.records


@pytest.mark.parametrize(
    ('arch', 'pretrained', 'message'),
    [
        ('ViT-B-33', None, 'did you mean ViT-B-32'),
        ('ViT-B-32', 'opnai', 'neither a weights file .* nor a tag of ViT-B-32: its tags are open'),
        ('ViT-B-32-quickgelu', 'laion2b_s34b_b79k', 'neither a weights file'),
    ],
)
def test_unknown_names_are_explained(arch, pretrained, message):
    with pytest.raises(ValueError, match=message):
        build_clip(arch, pretrained)


@pytest.mark.parametrize(
    ('arch', 'tag', 'quick'),
    [
        ('ViT-B-32', 'openai', True),
        ('ViT-B-32', 'laion2b_s34b_b79k', False),
    ],
)
def test_a_tag_decides_the_activation(monkeypatch, tiny_weights, tiny_clip, arch, tag, quick):
    """OpenAI's weights were trained with QuickGELU, which the name ViT-B-32 does not say."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, arch, dict(tiny_clip, quick_gelu=False))
    asked = []
    monkeypatch.setattr(
        open_clip, 'download_pretrained', lambda cfg: asked.append(cfg) or tiny_weights
    )
    clip = build_clip(arch, tag)
    assert asked == [open_clip.get_pretrained_cfg(arch, tag)]
    activation = clip.visual.transformer.resblocks[0].mlp.gelu
    assert isinstance(activation, open_clip.transformer.QuickGELU) == quick


@pytest.fixture
def no_network(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError('the network is asked')

    monkeypatch.setattr('socket.socket.connect', fail)


BUILT_BY_TRANSFORMERS = [
    name
    for name in open_clip.list_models()
    if 'hf_model_name' in open_clip.get_model_config(name)['text_cfg']
]


@pytest.mark.parametrize('kind', ['CLIPTextEncoder', 'CLIPVisualEncoder'])
@pytest.mark.parametrize('pretrained', [None, 'laion5b_s13b_b90k'])
def test_text_towers_of_transformers_are_refused_without_network(no_network, kind, pretrained):
    assert len(BUILT_BY_TRANSFORMERS) >= 10
    dimensions = open_clip.get_model_config('xlm-roberta-base-ViT-B-32')
    for arch in (*BUILT_BY_TRANSFORMERS, dimensions):
        with pytest.raises(ValueError, match=r'text tower .* built by transformers') as caught:
            MODELS.build(dict(type=kind, arch=arch, pretrained=pretrained))
        assert '\n' not in str(caught.value)


def test_other_vocabularies_are_refused_without_network(no_network):
    for arch in ('ViT-B-16-SigLIP', open_clip.get_model_config('ViT-B-16-SigLIP')):
        with pytest.raises(ValueError, match=r'vocabulary .*timm/ViT-B-16-SigLIP'):
            build_tokenizer(arch)
